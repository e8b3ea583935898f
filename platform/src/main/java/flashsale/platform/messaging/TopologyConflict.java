package flashsale.platform.messaging;

/**
 * The broker has a queue or an exchange of this name with other arguments than ours, so that it
 * would not do what we count on. Trying again does not help: somebody has to look, move the
 * messages and delete it.
 */
public final class TopologyConflict extends RuntimeException {
  private static final long serialVersionUID = 1L;

  TopologyConflict(String what, String brokersWords) {
    super(
        what
            + " exists at the broker with other arguments than this version needs: "
            + brokersWords
            + ". Once it is empty, delete it; it is then declared anew.");
  }
}
