import java.io.File;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.permission.FsPermission;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.security.UserGroupInformation;

/** A real namenode and a datanode in one process: the reference of the webhdfs suite. */
public final class Namenode {
  private Namenode() {}

  public static void main(String[] words) throws Exception {
    Configuration settings = new Configuration();
    settings.setBoolean("dfs.permissions.enabled", true);
    settings.setBoolean("dfs.namenode.acls.enabled", true);
    // Else a namenode without Kerberos gives no tokens.
    settings.setBoolean("dfs.namenode.delegation.token.always-use", true);
    settings.set("dfs.namenode.fs-limits.min-block-size", "1024");
    // There is one datanode: no other can take over its part of a pipeline.
    settings.set("dfs.client.block.write.replace-datanode-on-failure.enable", "false");
    settings.set("hadoop.user.group.static.mapping.overrides", words[2]);
    // Groups are read once, at the first user: before that the mapping must be known.
    UserGroupInformation.setConfiguration(settings);
    UserGroupInformation.setLoginUser(UserGroupInformation.createRemoteUser("hdfs"));
    MiniDFSCluster cluster =
        new MiniDFSCluster.Builder(settings, new File(words[0])).numDataNodes(1).build();
    cluster.waitActive();
    FileSystem root = cluster.getFileSystem();
    Path bucket = new Path("/" + words[1]);
    root.mkdirs(bucket);
    root.setOwner(bucket, "alice", "staff");
    root.setPermission(bucket, new FsPermission("755"));
    root.mkdirs(new Path("/user/alice"));
    root.setOwner(new Path("/user/alice"), "alice", "staff");
    System.out.printf(
        "{\"http\": %d, \"rpc\": %d}%n",
        cluster.getNameNode().getHttpAddress().getPort(), cluster.getNameNodePort());
    System.out.flush();
    // Its parent ends it by closing its standard input.
    while (System.in.read() >= 0) {}
    cluster.shutdown(true);
    System.exit(0);
  }
}
