import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletionException;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.AwsSessionCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.core.util.VersionInfo;

/**
 * aws-sdk-java v2: told on standard input what to do, one line of JSON a verb, answers with one.
 *
 * <p>The first word chooses the engine: `blocking` is S3Client, which most programs use; `netty` the
 * asynchronous client with multipart enabled; `crt` the one on the AWS Common Runtime, with parallel
 * ranged GETs. With the last two, files go through the transfer manager.
 */
public final class Client {
    static final long PART_BYTES = 8 * 1024 * 1024;
    static final Duration VALID = Duration.ofMinutes(5);

    /** What can be told to do. */
    interface Engine {
        Object perform(Order told) throws Exception;
    }

    /** Where the client is pointed, as the suite says it. */
    record Place(
            String endpoint,
            String bucket,
            String region,
            String access_key,
            String secret_key,
            String session_token) {
        StaticCredentialsProvider credentials() {
            return StaticCredentialsProvider.create(
                    session_token == null
                            ? AwsBasicCredentials.create(access_key, secret_key)
                            : AwsSessionCredentials.create(access_key, secret_key, session_token));
        }
    }

    /** One line of the suite's. */
    record Order(
            String verb,
            String key,
            String path,
            String to,
            String prefix,
            String source,
            String target,
            String etag,
            List<String> keys,
            long start,
            long stop,
            String content_type,
            Map<String, String> metadata) {}

    private Client() {}

    private static Engine open(String name, Place place) {
        return switch (name) {
            case "blocking" -> new Blocking(place);
            case "netty" -> new Asynchronous(place, Asynchronous.netty(place));
            case "crt" -> new Asynchronous(place, Asynchronous.crt(place));
            default -> throw new IllegalArgumentException("no engine " + name);
        };
    }

    public static void main(String[] words) throws Exception {
        var json = new GsonBuilder().serializeNulls().disableHtmlEscaping().create();
        var lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        var out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        var engine = open(words[0], json.fromJson(lines.readLine(), Place.class));
        var version = "aws-sdk-java " + VersionInfo.SDK_VERSION + " " + words[0];
        out.println(json.toJson(Map.of("value", version)));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            out.println(json.toJson(said(engine, json, line)));
        }
        System.exit(0);
    }

    private static Map<String, Object> said(Engine engine, Gson json, String line) {
        var said = new HashMap<String, Object>();
        try {
            said.put("value", engine.perform(json.fromJson(line, Order.class)));
        } catch (CompletionException refused) {
            said.put("error", String.valueOf(refused.getCause()));
        } catch (Exception refused) {
            said.put("error", refused.toString());
        }
        return said;
    }
}
