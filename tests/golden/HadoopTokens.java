// What Hadoop's own classes write for delegation tokens: one JSON object a line.
//
//   J=.../pyspark/jars; CP=$J/hadoop-client-api-3.4.2.jar:$J/hadoop-client-runtime-3.4.2.jar:$(ls $J/slf4j-api*.jar)
//   java -cp $CP HadoopTokens.java > webhdfs_tokens.jsonl

import java.io.ByteArrayOutputStream;
import java.io.DataOutputStream;
import java.util.Base64;
import java.util.HexFormat;
import org.apache.hadoop.hdfs.security.token.delegation.DelegationTokenIdentifier;
import org.apache.hadoop.io.Text;
import org.apache.hadoop.io.WritableUtils;
import org.apache.hadoop.security.token.Token;

public class HadoopTokens {
  static String hex(byte[] raw) {
    return HexFormat.of().formatHex(raw);
  }

  public static void main(String[] words) throws Exception {
    long[] numbers = {0, 1, -1, 127, 128, -112, -113, 255, 256, -256, -257, 65535, 65536, 1L << 31,
        1764360000000L, Long.MAX_VALUE, Long.MIN_VALUE};
    for (long number : numbers) {
      ByteArrayOutputStream raw = new ByteArrayOutputStream();
      WritableUtils.writeVLong(new DataOutputStream(raw), number);
      System.out.printf("{\"vlong\": %d, \"hex\": \"%s\"}%n", number, hex(raw.toByteArray()));
    }
    org.apache.hadoop.security.authentication.util.KerberosName.setRules(
        "RULE:[2:$1@$0](.*@EXAMPLE.COM)s/@.*//\nDEFAULT");
    Object[][] rows = {
        {"ann", "yarn", "", 1764360000000L, 1764964800000L, 1, 7},
        {"alice", "", "oozie", 0L, 0L, 0, 0},
        {"j\u00f6rg", "yarn/host@EXAMPLE.COM", "", 1764360000000L, 1764964800000L, 2147483647, -2},
        {"u".repeat(300), "r", "", -1L, Long.MAX_VALUE, -1, 2147483647},
    };
    for (Object[] row : rows) {
      DelegationTokenIdentifier one = new DelegationTokenIdentifier(
          new Text((String) row[0]), new Text((String) row[1]), new Text((String) row[2]));
      one.setIssueDate((Long) row[3]);
      one.setMaxDate((Long) row[4]);
      one.setSequenceNumber((Integer) row[5]);
      one.setMasterKeyId((Integer) row[6]);
      byte[] password = new byte[32];
      for (int at = 0; at < password.length; at++) {
        password[at] = (byte) (255 - at);
      }
      for (String service : new String[] {"", "127.0.0.1:9870"}) {
        Token<DelegationTokenIdentifier> token = new Token<>(
            one.getBytes(), password, new Text("WEBHDFS delegation"), new Text(service));
        System.out.printf("{\"owner\": \"%s\", \"renewer\": \"%s\", \"real_user\": \"%s\", "
            + "\"issue_ms\": %d, \"max_ms\": %d, \"sequence\": %d, \"key_number\": %d, "
            + "\"service\": \"%s\", \"identifier\": \"%s\", \"url_string\": \"%s\"}%n",
            row[0], one.getRenewer(), row[2], row[3], row[4], row[5], row[6],
            service, hex(one.getBytes()), token.encodeToUrlString());
      }
    }
  }
}
