package flashsale.platform.lifecycle;

/** A process with all that it has started. */
public final class ProcessTree {
  private ProcessTree() {}

  /**
   * Ends all of it without a chance to put anything in order (kill -9): children that hang would
   * never notice that their parent is gone.
   */
  public static void kill(ProcessHandle first) {
    var children = first.descendants().toList(); // Nobody finds them once it is gone.
    first.destroyForcibly();
    children.forEach(ProcessHandle::destroyForcibly);
  }
}
