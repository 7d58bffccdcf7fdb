import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.Map;
import org.junit.runner.Description;
import org.junit.runner.JUnitCore;
import org.junit.runner.notification.Failure;
import org.junit.runner.notification.RunListener;

/** Runs the contract tests that are named, or all; a line for each: class, test, outcome, words. */
public final class Contract {
  private Contract() {}

  private static final class Teller extends RunListener {
    private final Map<String, String[]> outcomes = new HashMap<>();

    @Override
    public void testAssumptionFailure(Failure failure) {
      note(failure, "skipped");
    }

    @Override
    public void testFailure(Failure failure) {
      note(failure, "fail");
      if (failure.getDescription().isSuite()) {
        tell(failure.getDescription());
      }
    }

    @Override
    public void testIgnored(Description test) {
      outcomes.put(test.getDisplayName(), new String[] {"skipped", "ignored by Hadoop"});
      tell(test);
    }

    @Override
    public void testFinished(Description test) {
      tell(test);
    }

    private void note(Failure failure, String outcome) {
      outcomes.put(
          failure.getDescription().getDisplayName(),
          new String[] {outcome, String.valueOf(failure.getException())});
    }

    private void tell(Description test) {
      String[] told =
          outcomes.getOrDefault(test.getDisplayName(), new String[] {"ok", ""});
      String words = Base64.getEncoder().encodeToString(told[1].getBytes(StandardCharsets.UTF_8));
      String group = test.getTestClass() == null ? "-" : test.getTestClass().getSimpleName();
      System.out.println(
          "RESULT " + group + " " + test.getMethodName() + " " + told[0] + " =" + words);
      System.out.flush();
    }
  }

  public static void main(String[] names) throws Exception {
    JUnitCore core = new JUnitCore();
    core.addListener(new Teller());
    for (Class<?> group : ContractTests.class.getDeclaredClasses()) {
      if (names.length == 0 || Arrays.asList(names).contains(group.getSimpleName())) {
        core.run(group);
      }
    }
    System.exit(0);
  }
}
