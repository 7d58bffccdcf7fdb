import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.net.URI;
import java.util.Arrays;
import java.util.Base64;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.security.Credentials;
import org.apache.hadoop.security.token.DtUtilShell;
import org.apache.hadoop.security.token.Token;
import org.apache.hadoop.util.Tool;
import org.apache.hadoop.util.ToolRunner;
import org.apache.hadoop.util.VersionInfo;

/**
 * Hadoop's command line tools in one process: a line of words (each base64, parted by spaces) in, a
 * line of exit code, stdout and stderr out. `fs` is what `hadoop fs` runs, `dtutil` what `hadoop
 * dtutil` runs, and `token` is what jobs do with delegation tokens: fetch them into a file, renew
 * and cancel what is in it.
 */
public final class Tools {
  private Tools() {}

  public static void main(String[] settings) throws Exception {
    PrintStream answers = System.out;
    Base64.Decoder decoder = Base64.getDecoder();
    BufferedReader lines = new BufferedReader(new InputStreamReader(System.in));
    answers.println(VersionInfo.getVersion());
    answers.flush();
    for (String line = lines.readLine(); line != null; line = lines.readLine()) {
      String[] words =
          Arrays.stream(line.split(" "))
              .map(word -> new String(decoder.decode(word.substring(1))))
              .toArray(String[]::new);
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      System.setOut(new PrintStream(out, true));
      System.setErr(new PrintStream(err, true));
      System.setIn(new ByteArrayInputStream(new byte[0]));
      int code = run(settings, words);
      System.out.flush();
      System.err.flush();
      Base64.Encoder encoder = Base64.getEncoder();
      answers.println(
          code
              + " ="
              + encoder.encodeToString(out.toByteArray())
              + " ="
              + encoder.encodeToString(err.toByteArray()));
      answers.flush();
    }
    System.exit(0);
  }

  private static int run(String[] settings, String[] words) {
    try {
      Configuration made = new Configuration();
      for (String setting : settings) {
        String[] pair = setting.split("=", 2);
        made.set(pair[0], pair[1]);
      }
      if (words[0].equals("token")) {
        return token(made, words[1], new Path("file", "", words[2]), words);
      }
      Tool tool = words[0].equals("dtutil") ? new DtUtilShell() : new FsShell();
      if (words[0].equals("fs")) {
        made.setQuietMode(false);
      }
      return ToolRunner.run(made, tool, Arrays.copyOfRange(words, 1, words.length));
    } catch (Exception failure) {
      failure.printStackTrace();
      return 255;
    }
  }

  private static int token(Configuration made, String what, Path file, String[] words)
      throws Exception {
    if (what.equals("fetch")) {
      Credentials fetched = new Credentials();
      FileSystem.get(URI.create(words[3]), made).addDelegationTokens(words[4], fetched);
      fetched.writeTokenStorageFile(file, made);
      return fetched.numberOfTokens() == 1 ? 0 : 1;
    }
    for (Token<?> one : Credentials.readTokenStorageFile(file, made).getAllTokens()) {
      if (what.equals("renew")) {
        System.out.println(one.getKind() + " " + one.renew(made));
      } else {
        one.cancel(made);
        System.out.println(one.getKind() + " cancelled");
      }
    }
    return 0;
  }
}
