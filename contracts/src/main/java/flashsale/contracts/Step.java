package flashsale.contracts;

import java.util.List;

/**
 * What one role does about a batch of facts. Steps are idempotent: a repeated fact is answered with
 * its first outcome. Implementations are safe for use by many threads.
 */
@FunctionalInterface
public interface Step {
  /**
   * Does the role's work for the whole batch in one transaction of its own database and returns
   * after the commit.
   *
   * @param facts facts that the flow sends to this role, in order of arrival; at least one
   * @return exactly one fact for each given fact, in the same order
   * @throws RuntimeException if nothing was done for any of them
   */
  List<Fact> apply(List<Fact> facts);
}
