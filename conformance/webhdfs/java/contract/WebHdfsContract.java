import java.net.URI;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.hadoop.fs.contract.AbstractFSContract;

/** What webhdfs:// promises, as webhdfs-contract.xml states it; where it is, a property says. */
final class WebHdfsContract extends AbstractFSContract {
  private static final URI ROOT = URI.create(System.getProperty("forebay.root"));

  WebHdfsContract(Configuration settings) {
    super(settings);
    addConfResource("webhdfs-contract.xml");
    // Without it the tests' uploads of a few bytes would be judged by the local umask.
    settings.set("fs.permissions.umask-mode", "022");
  }

  @Override
  public FileSystem getTestFileSystem() throws java.io.IOException {
    return FileSystem.get(ROOT, getConf());
  }

  @Override
  public String getScheme() {
    return ROOT.getScheme();
  }

  @Override
  public Path getTestPath() {
    return new Path(ROOT.getPath());
  }
}
