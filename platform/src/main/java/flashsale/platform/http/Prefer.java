package flashsale.platform.http;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * How a client would like to be answered (RFC 7240). What is not understood is ignored, as the RFC
 * asks.
 *
 * @param respondAsync 202 at once rather than the final answer later
 * @param waitMax how long the client waits for the final answer at most, if it says so
 */
public record Prefer(boolean respondAsync, Optional<Duration> waitMax) {
  /**
   * What a server makes of it.
   *
   * @param async whether a request is answered with 202 that does not ask for it
   * @param waitMax how long a request is held at most that asks to wait for its final answer
   */
  public record Policy(boolean async, Duration waitMax) {
    public boolean isAsync(Prefer prefer) {
      return async || prefer.respondAsync;
    }

    /** How long to hold an asynchronous request; zero if it does not ask for that. */
    public Duration wait(Prefer prefer) {
      var asked = prefer.waitMax.orElse(Duration.ZERO);
      return asked.compareTo(waitMax) < 0 ? asked : waitMax;
    }
  }

  private static final Pattern WAIT = Pattern.compile("(?i)wait\\s*=\\s*\"?(\\d{1,6})\"?");

  /** All values of the header, of which each may have several preferences. */
  static Prefer of(List<String> values) {
    boolean respondAsync = false;
    Optional<Duration> waitMax = Optional.empty();
    for (var preference : String.join(",", values).split(",", -1)) {
      var name = preference.split(";", 2)[0].strip();
      respondAsync |= name.equalsIgnoreCase("respond-async");
      var wait = WAIT.matcher(name);
      if (wait.matches() && waitMax.isEmpty()) { // Of several the first counts.
        waitMax = Optional.of(Duration.ofSeconds(Long.parseLong(wait.group(1))));
      }
    }
    return new Prefer(respondAsync, waitMax);
  }
}
