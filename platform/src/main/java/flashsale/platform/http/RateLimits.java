package flashsale.platform.http;

import flashsale.platform.ratelimit.Permits;
import flashsale.platform.ratelimit.Permits.Grant;
import flashsale.platform.ratelimit.Permits.Limit;
import flashsale.platform.security.Caller;
import io.helidon.http.HeaderNames;
import io.helidon.webserver.http.ServerRequest;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * How often one customer, and one address, may ask, by the class of the route. Operators are
 * exempt. Thread-safe.
 *
 * <p>Answers tell of the limit in the headers of the IETF's draft
 * draft-ietf-httpapi-ratelimit-headers-10: {@code RateLimit-Policy} (q permits in w seconds) and
 * {@code RateLimit} (r are left, all are back after t seconds).
 */
public final class RateLimits {
  /** Limits nothing. */
  public static final RateLimits NONE =
      new RateLimits(
          (limit, key) -> new Grant(true, limit.permits(), Duration.ZERO),
          Proxies.parse(""),
          Map.of(),
          Map.of(),
          limit -> {});

  /** What an answer tells. */
  record Taken(Limit limit, Grant grant) {
    /** The answer with the headers that tell of it. */
    Answer tell(Answer answer) {
      var name = '"' + limit.name() + '"'; // Not formatted, which would take longer than all else.
      return answer
          .header(
              "RateLimit-Policy", name + ";q=" + limit.permits() + ";w=" + seconds(limit.window()))
          .header("RateLimit", name + ";r=" + grant.remaining() + ";t=" + seconds(grant.reset()));
    }

    boolean refused() {
      return !grant.granted();
    }

    Problem problem() {
      return Problem.of(
              429,
              "RATE_LIMITED",
              "More than %d such requests in %d s (%s)."
                  .formatted(limit.permits(), seconds(limit.window()), limit.name()))
          .with("limit", limit.name())
          .retryAfter(grant.reset());
    }
  }

  private final Permits permits;
  private final Proxies proxies;
  private final Map<RouteClass, Limit> customers;
  private final Map<RouteClass, Limit> addresses;
  private final Consumer<Limit> refused;

  /**
   * With these limits; a class without one is not limited.
   *
   * @param proxies whose X-Forwarded-For counts; they themselves are not limited
   * @param customers for each customer
   * @param addresses for each address
   * @param refused is told of each refusal
   */
  public RateLimits(
      Permits permits,
      Proxies proxies,
      Map<RouteClass, Limit> customers,
      Map<RouteClass, Limit> addresses,
      Consumer<Limit> refused) {
    this.permits = permits;
    this.proxies = proxies;
    this.customers = Map.copyOf(customers);
    this.addresses = Map.copyOf(addresses);
    this.refused = refused;
  }

  /** What the address gets; empty if it is not limited. */
  Optional<Taken> address(RouteClass kind, ServerRequest request) {
    var limit = addresses.get(kind);
    if (limit == null || !(request.remotePeer().address() instanceof InetSocketAddress peer)) {
      return Optional.empty();
    }
    // One header or several: they are one list, in order (RFC 9110, 5.3).
    var forwarded =
        request.headers().contains(HeaderNames.X_FORWARDED_FOR)
            ? String.join(",", request.headers().get(HeaderNames.X_FORWARDED_FOR).allValues())
            : null;
    return proxies.client(peer.getAddress(), forwarded).map(client -> take(limit, client));
  }

  /** What the caller gets; empty if that one is not limited. */
  Optional<Taken> customer(RouteClass kind, Caller caller) {
    var limit = customers.get(kind);
    return limit == null || caller.operator()
        ? Optional.empty()
        : Optional.of(take(limit, caller.userId().toString()));
  }

  private Taken take(Limit limit, String key) {
    return new Taken(limit, permits.take(limit, key));
  }

  /** Counts a refusal and makes it. */
  Problem refuse(Taken taken) {
    refused.accept(taken.limit());
    return taken.problem();
  }

  private static long seconds(Duration duration) {
    return (duration.toMillis() + 999) / 1000;
  }
}
