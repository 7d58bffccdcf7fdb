import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;
import software.amazon.awssdk.services.s3.model.CompletedPart;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;

/** S3Client, with uploads in parts as a program writes them by hand. */
final class Blocking implements Client.Engine {
    private final String bucket;
    private final S3Client s3;
    private final Signing signer;

    Blocking(Client.Place place) {
        bucket = place.bucket();
        signer = new Signing(place);
        s3 =
                S3Client.builder()
                        .endpointOverride(URI.create(place.endpoint()))
                        .region(Region.of(place.region()))
                        .credentialsProvider(place.credentials())
                        .forcePathStyle(true)
                        .overrideConfiguration(
                                own -> own.retryStrategy(retry -> retry.maxAttempts(1)))
                        .build();
    }

    @Override
    public Object perform(Client.Order told) throws Exception {
        switch (told.verb()) {
            case "put", "put_described", "put_new" -> put(told);
            case "multipart" -> multipart(told);
            case "get" -> read(told, asked(told));
            case "get_range" ->
                    read(told, asked(told).range("bytes=" + told.start() + "-" + (told.stop() - 1)));
            case "get_if_match" -> read(told, asked(told).ifMatch(told.etag()));
            case "find_changed" -> {
                return findChanged(told);
            }
            case "head", "describe" -> {
                return head(told);
            }
            case "list" -> {
                return s3
                        .listObjectsV2Paginator(
                                one -> one.bucket(bucket).prefix(told.prefix()).maxKeys(7))
                        .contents()
                        .stream()
                        .map(S3Object::key)
                        .toList();
            }
            case "copy" ->
                    s3.copyObject(
                            one ->
                                    one.sourceBucket(bucket)
                                            .sourceKey(told.source())
                                            .destinationBucket(bucket)
                                            .destinationKey(told.target()));
            case "delete" -> s3.deleteObject(one -> one.bucket(bucket).key(told.key()));
            case "delete_many" -> deleteMany(told.keys());
            case "presign_get", "presign_put" -> {
                return signer.url(told);
            }
            default -> throw new IllegalArgumentException("no verb " + told.verb());
        }
        return null;
    }

    private GetObjectRequest.Builder asked(Client.Order told) {
        return GetObjectRequest.builder().bucket(bucket).key(told.key());
    }

    private void put(Client.Order told) {
        var request = PutObjectRequest.builder().bucket(bucket).key(told.key());
        if (told.verb().equals("put_described")) {
            request.contentType(told.content_type()).metadata(told.metadata());
        }
        if (told.verb().equals("put_new")) {
            request.ifNoneMatch("*");
        }
        s3.putObject(request.build(), RequestBody.fromFile(Path.of(told.path())));
    }

    private void multipart(Client.Order told) throws IOException {
        var content = Files.readAllBytes(Path.of(told.path()));
        var upload =
                s3.createMultipartUpload(one -> one.bucket(bucket).key(told.key())).uploadId();
        var parts = new ArrayList<CompletedPart>();
        for (int start = 0; start < content.length; start += (int) Client.PART_BYTES) {
            var stop = Math.min(content.length, start + (int) Client.PART_BYTES);
            var body = RequestBody.fromBytes(Arrays.copyOfRange(content, start, stop));
            var number = parts.size() + 1;
            var kept =
                    s3.uploadPart(
                            one ->
                                    one.bucket(bucket)
                                            .key(told.key())
                                            .uploadId(upload)
                                            .partNumber(number),
                            body);
            parts.add(
                    CompletedPart.builder().partNumber(number).eTag(kept.eTag()).build());
        }
        s3.completeMultipartUpload(
                one ->
                        one.bucket(bucket)
                                .key(told.key())
                                .uploadId(upload)
                                .multipartUpload(all -> all.parts(parts)));
    }

    private void read(Client.Order told, GetObjectRequest.Builder request) throws IOException {
        Files.write(Path.of(told.to()), s3.getObjectAsBytes(request.build()).asByteArray());
    }

    private boolean findChanged(Client.Order told) throws IOException {
        try {
            read(told, asked(told).ifNoneMatch(told.etag()));
        } catch (S3Exception refused) {
            if (refused.statusCode() == 304) {
                return false;
            }
            throw refused;
        }
        return true;
    }

    private Map<String, Object> head(Client.Order told) {
        var seen = s3.headObject(one -> one.bucket(bucket).key(told.key()));
        return Map.of(
                "size", seen.contentLength(),
                "etag", seen.eTag(),
                "content_type", seen.contentType(),
                "metadata", seen.metadata());
    }

    private void deleteMany(List<String> keys) {
        var named = keys.stream().map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        var seen = s3.deleteObjects(one -> one.bucket(bucket).delete(all -> all.objects(named)));
        if (seen.hasErrors()) {
            throw new IllegalStateException(seen.errors().toString());
        }
    }
}
