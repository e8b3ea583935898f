package flashsale.cluster;

import java.time.Duration;

/** Tells a process that hangs from one that was late with an answer. For one thread. */
final class Silence {
  /** Whoever asks may have been stopped for a while; one question late says nothing then. */
  private static final int UNANSWERED_MIN = 2;

  private final Duration startMax;
  private final Duration max;
  private long pid;
  private boolean heard;
  private int unanswered;
  private long sinceNanoTime;

  /**
   * @param startMax what it may take until the first answer
   * @param max what may lie between two
   */
  Silence(Duration startMax, Duration max) {
    this.startMax = startMax;
    this.max = max;
  }

  /**
   * Notes how a question ended.
   *
   * @param asked the process; 0: there is none
   * @return whether it has been silent for too long; told once, then its time begins anew
   */
  boolean isTooLong(long asked, boolean answered, long nanoTime) {
    if (asked != pid) {
      pid = asked;
      heard = false;
      begin(nanoTime);
    }
    if (answered) {
      heard = true;
      begin(nanoTime);
      return false;
    }
    unanswered++;
    long silent = nanoTime - sinceNanoTime;
    if (asked == 0 || unanswered < UNANSWERED_MIN || silent <= (heard ? max : startMax).toNanos()) {
      return false;
    }
    begin(nanoTime);
    return true;
  }

  private void begin(long nanoTime) {
    unanswered = 0;
    sinceNanoTime = nanoTime;
  }
}
