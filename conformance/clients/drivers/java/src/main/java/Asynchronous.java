import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.core.async.AsyncRequestBody;
import software.amazon.awssdk.core.async.AsyncResponseTransformer;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3AsyncClient;
import software.amazon.awssdk.services.s3.model.Delete;
import software.amazon.awssdk.services.s3.model.GetObjectRequest;
import software.amazon.awssdk.services.s3.model.ObjectIdentifier;
import software.amazon.awssdk.services.s3.model.PutObjectRequest;
import software.amazon.awssdk.services.s3.model.S3Exception;
import software.amazon.awssdk.services.s3.model.S3Object;
import software.amazon.awssdk.transfer.s3.S3TransferManager;

/** The two asynchronous clients, with the transfer manager for files. */
final class Asynchronous implements Client.Engine {
    private final String bucket;
    private final S3AsyncClient s3;
    private final S3TransferManager files;
    private final Signing signer;

    Asynchronous(Client.Place place, S3AsyncClient s3) {
        this.s3 = s3;
        bucket = place.bucket();
        files = S3TransferManager.builder().s3Client(s3).build();
        signer = new Signing(place);
    }

    static S3AsyncClient netty(Client.Place place) {
        return S3AsyncClient.builder()
                .endpointOverride(URI.create(place.endpoint()))
                .region(Region.of(place.region()))
                .credentialsProvider(place.credentials())
                .forcePathStyle(true)
                .multipartEnabled(true)
                .multipartConfiguration(
                        parts -> parts.minimumPartSizeInBytes(Client.PART_BYTES).thresholdInBytes(Client.PART_BYTES))
                .overrideConfiguration(own -> own.retryStrategy(retry -> retry.maxAttempts(1)))
                .build();
    }

    static S3AsyncClient crt(Client.Place place) {
        return S3AsyncClient.crtBuilder()
                .endpointOverride(URI.create(place.endpoint()))
                .region(Region.of(place.region()))
                .credentialsProvider(place.credentials())
                .forcePathStyle(true)
                .minimumPartSizeInBytes(Client.PART_BYTES)
                .thresholdInBytes(Client.PART_BYTES)
                .targetThroughputInGbps(1.0)
                .retryConfiguration(retry -> retry.numRetries(0))
                .build();
    }

    @Override
    public Object perform(Client.Order told) throws Exception {
        switch (told.verb()) {
            case "put", "put_described", "put_new" -> put(told);
            case "multipart" ->
                    files.uploadFile(
                                    one ->
                                            one.source(Path.of(told.path()))
                                                    .putObjectRequest(named(told).build()))
                            .completionFuture()
                            .join();
            case "get" -> download(told);
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
                return list(told.prefix());
            }
            case "copy" ->
                    s3.copyObject(
                                    one ->
                                            one.sourceBucket(bucket)
                                                    .sourceKey(told.source())
                                                    .destinationBucket(bucket)
                                                    .destinationKey(told.target()))
                            .join();
            case "delete" -> s3.deleteObject(one -> one.bucket(bucket).key(told.key())).join();
            case "delete_many" -> deleteMany(told.keys());
            case "presign_get", "presign_put" -> {
                return signer.url(told);
            }
            default -> throw new IllegalArgumentException("no verb " + told.verb());
        }
        return null;
    }

    private PutObjectRequest.Builder named(Client.Order told) {
        return PutObjectRequest.builder().bucket(bucket).key(told.key());
    }

    private GetObjectRequest.Builder asked(Client.Order told) {
        return GetObjectRequest.builder().bucket(bucket).key(told.key());
    }

    private void put(Client.Order told) {
        var request = named(told);
        if (told.verb().equals("put_described")) {
            request.contentType(told.content_type()).metadata(told.metadata());
        }
        if (told.verb().equals("put_new")) {
            request.ifNoneMatch("*");
        }
        s3.putObject(request.build(), AsyncRequestBody.fromFile(Path.of(told.path()))).join();
    }

    private void download(Client.Order told) throws Exception {
        Files.deleteIfExists(Path.of(told.to()));
        files.downloadFile(
                        one ->
                                one.destination(Path.of(told.to()))
                                        .getObjectRequest(asked(told).build()))
                .completionFuture()
                .join();
    }

    private void read(Client.Order told, GetObjectRequest.Builder request) throws Exception {
        var answer = s3.getObject(request.build(), AsyncResponseTransformer.toBytes()).join();
        Files.write(Path.of(told.to()), answer.asByteArray());
    }

    private boolean findChanged(Client.Order told) throws Exception {
        try {
            read(told, asked(told).ifNoneMatch(told.etag()));
        } catch (CompletionException refused) {
            if (refused.getCause() instanceof S3Exception answer && answer.statusCode() == 304) {
                return false;
            }
            throw refused;
        }
        return true;
    }

    private Map<String, Object> head(Client.Order told) {
        var seen = s3.headObject(one -> one.bucket(bucket).key(told.key())).join();
        return Map.of(
                "size", seen.contentLength(),
                "etag", seen.eTag(),
                "content_type", seen.contentType(),
                "metadata", seen.metadata());
    }

    private List<String> list(String prefix) {
        var keys = new ArrayList<String>();
        s3.listObjectsV2Paginator(one -> one.bucket(bucket).prefix(prefix).maxKeys(7))
                .contents()
                .map(S3Object::key)
                .subscribe(keys::add)
                .join();
        return keys;
    }

    private void deleteMany(List<String> keys) {
        var named = keys.stream().map(key -> ObjectIdentifier.builder().key(key).build()).toList();
        var told = Delete.builder().objects(named).build();
        var seen = s3.deleteObjects(one -> one.bucket(bucket).delete(told)).join();
        if (seen.hasErrors()) {
            throw new IllegalStateException(seen.errors().toString());
        }
    }
}
