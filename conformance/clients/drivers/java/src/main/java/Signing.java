import java.net.URI;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Configuration;
import software.amazon.awssdk.services.s3.presigner.S3Presigner;

/** Presigned URLs, the same for every engine. */
final class Signing {
    private final String bucket;
    private final S3Presigner signer;

    Signing(Client.Place place) {
        bucket = place.bucket();
        signer =
                S3Presigner.builder()
                        .endpointOverride(URI.create(place.endpoint()))
                        .region(Region.of(place.region()))
                        .credentialsProvider(place.credentials())
                        .serviceConfiguration(
                                S3Configuration.builder().pathStyleAccessEnabled(true).build())
                        .build();
    }

    String url(Client.Order told) {
        var made =
                told.verb().equals("presign_get")
                        ? signer.presignGetObject(
                                one ->
                                        one.signatureDuration(Client.VALID)
                                                .getObjectRequest(
                                                        get -> get.bucket(bucket).key(told.key())))
                        : signer.presignPutObject(
                                one ->
                                        one.signatureDuration(Client.VALID)
                                                .putObjectRequest(
                                                        put -> put.bucket(bucket).key(told.key())));
        return made.url().toString();
    }
}
