import java.io.BufferedReader;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.util.Arrays;
import java.util.Base64;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FsShell;
import org.apache.hadoop.security.token.DtUtilShell;
import org.apache.hadoop.util.Tool;
import org.apache.hadoop.util.ToolRunner;
import org.apache.hadoop.util.VersionInfo;

/**
 * Hadoop's command line tools in one process: a line of words (each base64, parted by spaces) in, a
 * line of exit code, stdout and stderr out. `fs` is what `hadoop fs` runs, `dtutil` what `hadoop
 * dtutil` runs.
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
}
