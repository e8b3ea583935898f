package flashsale.platform.http;

import flashsale.platform.security.Authenticator;
import flashsale.platform.security.Caller;
import io.helidon.http.HeaderNames;
import io.helidon.http.HeaderValues;
import io.helidon.http.HttpException;
import io.helidon.http.Method;
import io.helidon.http.RequestException;
import io.helidon.http.Status;
import io.helidon.webserver.CloseConnectionException;
import io.helidon.webserver.WebServer;
import io.helidon.webserver.http.Handler;
import io.helidon.webserver.http.HttpRouting;
import io.helidon.webserver.http.ServerRequest;
import io.helidon.webserver.http.ServerResponse;
import io.helidon.webserver.http1.Http1Config;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.URI;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Serves {@link Routes} with Helidon on virtual threads. Every error, also one before routing, is
 * answered as problem+json. {@code TCP_NODELAY} is set: without it small answers wait for the
 * peer's delayed acknowledgement, 40 ms.
 */
public final class HttpServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HttpServer.class);
  private static final String BEARER = "Bearer ";
  private static final int HEADERS_MAX_BYTES = 16 * 1024;
  private static final int REQUEST_LINE_MAX_BYTES = 4 * 1024;

  /** A connection on which nothing is asked, or a body does not come, for so long is closed. */
  private static final Duration IDLE_MAX = Duration.ofSeconds(60);

  private static final Duration IDLE_LOOK = Duration.ofSeconds(10);
  private static final Duration DRAIN_POLL = Duration.ofMillis(5);

  /**
   * How the server is set.
   *
   * @param host address to listen on
   * @param port 0: any free one
   * @param bodyMaxBytes a longer body is answered with 413
   * @param connectionsMax more connections wait in the backlog
   * @param requestsMax more requests at a time are answered with 503 at once; probes come on top
   */
  public record Settings(
      String host, int port, long bodyMaxBytes, int connectionsMax, int requestsMax) {}

  /**
   * What learns of every answer, after it was sent; of those before routing, under the route
   * {@value UnroutedAnswers#ROUTE}, when it is about to be. Called by the request's thread.
   */
  @FunctionalInterface
  public interface Observer {
    void answered(
        String method, String route, String path, int status, long nanos, String requestId);

    /** Answers that it could not keep up with, since the start. */
    default long dropped() {
      return 0;
    }
  }

  private final WebServer server;
  private final Authenticator authenticator;
  private final RateLimits limits;
  private final Observer observer;
  private final Function<Exception, Optional<Problem>> translator;
  private final int requestsMax;
  private final AtomicInteger running = new AtomicInteger();
  private final AtomicInteger streaming = new AtomicInteger();
  private volatile boolean leaving;
  private volatile boolean draining;
  private final RequestIds requestIds = new RequestIds();

  /** Starts listening, without limits of how often somebody may ask. */
  public HttpServer(
      Settings settings,
      Routes routes,
      Authenticator authenticator,
      Observer observer,
      Function<Exception, Optional<Problem>> translator) {
    this(settings, routes, authenticator, RateLimits.NONE, observer, translator);
  }

  /**
   * Starts listening; throws an UncheckedIOException over a {@link BindException} if it cannot.
   *
   * @param limits how often somebody may ask
   * @param translator turns exceptions that mean something to a client into their problem
   */
  public HttpServer(
      Settings settings,
      Routes routes,
      Authenticator authenticator,
      RateLimits limits,
      Observer observer,
      Function<Exception, Optional<Problem>> translator) {
    this.authenticator = authenticator;
    this.limits = limits;
    this.observer = observer;
    this.translator = translator;
    this.requestsMax = settings.requestsMax();
    this.server =
        WebServer.builder()
            .host(settings.host())
            .port(settings.port())
            .shutdownHook(false)
            .connectionOptions(o -> o.tcpNoDelay(true))
            .maxPayloadSize(settings.bodyMaxBytes())
            .maxTcpConnections(settings.connectionsMax())
            .idleConnectionTimeout(IDLE_MAX)
            .idleConnectionPeriod(IDLE_LOOK)
            // HTTP/1.1 and nothing else: then also what is no HTTP at all gets an answer.
            .protocolsDiscoverServices(false)
            .addProtocol(
                Http1Config.builder()
                    .maxHeadersSize(HEADERS_MAX_BYTES)
                    .maxPrologueLength(REQUEST_LINE_MAX_BYTES)
                    .build())
            .directHandlers(UnroutedAnswers.handlers(requestIds, observer, settings.bodyMaxBytes()))
            .routing(r -> route(r, routes))
            .build()
            .start();
    if (!server.isRunning()) { // Helidon only logs it.
      throw new UncheckedIOException(
          new BindException(
              "Cannot listen on %s:%d: the port is taken or not allowed, or the address is not this machine's."
                  .formatted(settings.host(), settings.port())));
    }
  }

  public int port() {
    return server.port();
  }

  /** Streams of events that are open. */
  public int streaming() {
    return streaming.get();
  }

  /** Requests being answered at this moment. */
  public int running() {
    return running.get();
  }

  /**
   * Goes on answering, from now on with {@code Connection: close}: who keeps connections open makes
   * the next one elsewhere, instead of being refused on this one by {@link #drain}.
   */
  public void leave() {
    leaving = true;
  }

  /**
   * Refuses new requests with 503 and {@code Connection: close}, probes apart, waits until none is
   * being answered, or for {@code most}; then stops listening.
   */
  public void drain(Duration most) {
    leave();
    draining = true;
    long deadline = System.nanoTime() + most.toNanos();
    while (running.get() + streaming.get() > 0 && System.nanoTime() < deadline) {
      try {
        Thread.sleep(DRAIN_POLL);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        break;
      }
    }
    close();
  }

  @Override
  public void close() {
    server.stop();
  }

  private void route(HttpRouting.Builder routing, Routes routes) {
    Map<String, TreeSet<String>> methods = new LinkedHashMap<>();
    for (var route : routes.all()) {
      var known = methods.computeIfAbsent(route.path(), p -> new TreeSet<>());
      var handler = handler(route);
      routing.route(Method.create(route.method()), route.path(), handler);
      known.add(route.method());
      if (route.method().equals("GET")) {
        routing.route(Method.HEAD, route.path(), handler); // The same without its body.
        known.add("HEAD");
      }
    }
    methods.forEach(
        (path, allowed) ->
            routing.any(
                path,
                fallback(
                    path,
                    Answer.problem(
                            Problem.of(
                                405,
                                "METHOD_NOT_ALLOWED",
                                "This address knows " + String.join(", ", allowed) + "."))
                        .header("Allow", String.join(", ", allowed)))));
    routing.any(fallback("*", Answer.problem(Problem.notFound("address"))));
  }

  private Handler fallback(String route, Answer answer) {
    return closing(
        (request, response) -> {
          long from = System.nanoTime();
          send(request, response, route, answer, requestIds.of(request.headers()), from);
        });
  }

  private Handler handler(Routes.Route route) {
    return closing(route.always() ? probe(route) : bounded(route));
  }

  /**
   * Ends the connection where the answer says so. Helidon leaves that to the client, and would take
   * what is left of the body for the next request.
   */
  private static Handler closing(Handler handler) {
    return (request, response) -> {
      handler.handle(request, response);
      if (response.headers().containsToken(HeaderValues.CONNECTION_CLOSE)) {
        request.content().consume(); // Else the client may be cut off before it reads the answer.
        throw new CloseConnectionException("as the answer says");
      }
    };
  }

  private Handler probe(Routes.Route route) {
    return (request, response) -> {
      long from = System.nanoTime();
      var requestId = requestIds.of(request.headers());
      send(request, response, route.path(), answer(route, request, requestId), requestId, from);
    };
  }

  private Handler bounded(Routes.Route route) {
    return (request, response) -> {
      long from = System.nanoTime();
      var requestId = requestIds.of(request.headers());
      Answer answer;
      int before = running.getAndIncrement();
      try {
        if (draining) {
          answer = stopping();
        } else {
          answer = before >= requestsMax ? full() : answer(route, request, requestId);
        }
        if (answer.events() == null) {
          send(request, response, route.path(), answer, requestId, from);
        }
      } finally {
        running.decrementAndGet();
      }
      if (answer.events() != null) { // Takes nobody's place among those being answered.
        stream(request, response, route.path(), answer, requestId, from);
      }
    };
  }

  private Answer full() {
    return Answer.problem(
        Problem.unavailable(
            "OVERLOADED",
            "More than " + requestsMax + " requests are being answered; try again.",
            Duration.ofSeconds(1)));
  }

  private static Answer stopping() {
    return Answer.problem(
        Problem.unavailable(
            "STOPPING", "The server is stopping; try again.", Duration.ofSeconds(1)));
  }

  private Answer answer(Routes.Route route, ServerRequest request, String requestId) {
    var limited = new Limited();
    return limited.told(answer(route, request, requestId, limited));
  }

  /** The limit that an answer tells of: the customer's, or the address's where that is all. */
  private final class Limited {
    private RateLimits.Taken taken;

    /**
     * Who calls, if they may; null on a public route. Before it is known who that is, their address
     * counts: nobody may make this server verify tokens without end. Operators may do as they like.
     */
    Caller admitted(Routes.Route route, ServerRequest request) {
      taken = limits.address(route.kind(), request).orElse(null);
      boolean refused = taken != null && taken.refused();
      if (route.access() == Access.PUBLIC) {
        require(!refused);
        return null;
      }
      var caller = caller(route.access(), request);
      if (caller.operator()) {
        taken = null;
        return caller;
      }
      require(!refused);
      limits.customer(route.kind(), caller).ifPresent(t -> taken = t);
      require(taken == null || !taken.refused());
      return caller;
    }

    private void require(boolean granted) {
      if (!granted) {
        throw limits.refuse(taken);
      }
    }

    Answer told(Answer answer) {
      return taken == null ? answer : taken.tell(answer);
    }
  }

  private Answer answer(
      Routes.Route route, ServerRequest request, String requestId, Limited limited) {
    try {
      var call = new Call(request, limited.admitted(route, request), requestId);
      var answer = route.endpoint().answer(call);
      // Probes are asked to be answered anew each time.
      return route.method().equals("GET") && !route.always()
          ? EntityTags.added(call, answer)
          : answer;
    } catch (Problem problem) {
      return Answer.problem(problem);
    } catch (CloseConnectionException | HttpException | RequestException e) {
      throw e; // The server's own: it knows what to answer and whether the connection lives on.
    } catch (InterruptedException e) {
      // Only stopping interrupts, when the time for draining is over. The flag stays down, else the
      // answer could not be written; this thread ends with it.
      return stopping();
    } catch (Exception e) {
      return translator.apply(e).map(Answer::problem).orElseGet(() -> failed(route, requestId, e));
    } catch (Error e) {
      return failed(route, requestId, e);
    }
  }

  private static Answer failed(Routes.Route route, String requestId, Throwable cause) {
    LOG.error("request {} {} failed", requestId, route.path(), cause);
    return Answer.problem(
        Problem.of(
            500,
            "INTERNAL_ERROR",
            "The server failed; the log tells more under " + requestId + "."));
  }

  private Caller caller(Access access, ServerRequest request) {
    var header = request.headers().first(HeaderNames.AUTHORIZATION).orElse("");
    if (!header.regionMatches(true, 0, BEARER, 0, BEARER.length())) {
      throw Problem.of(401, "UNAUTHENTICATED", "Send an access token: Authorization: Bearer ….");
    }
    var caller = authenticator.authenticate(header.substring(BEARER.length()).strip());
    if (access == Access.OPERATOR && !caller.operator()) {
      throw Problem.of(403, "FORBIDDEN", "Only operators may do this.");
    }
    return caller;
  }

  private void stream(
      ServerRequest request,
      ServerResponse response,
      String route,
      Answer answer,
      String requestId,
      long from) {
    if (request.prologue().method().equals(Method.HEAD)) {
      send(request, response, route, answer, requestId, from);
      return;
    }
    streaming.incrementAndGet();
    try {
      head(response, answer, requestId);
      try (var out = response.outputStream()) {
        answer.events().writeTo(new EventStream(out, () -> draining));
      }
    } catch (UncheckedIOException | IOException e) {
      LOG.debug("the client of {} left: {}", route, e.getMessage());
    } finally {
      streaming.decrementAndGet();
      observe(request, route, answer, requestId, from);
    }
  }

  private void head(ServerResponse response, Answer answer, String requestId) {
    response.status(Status.create(answer.status()));
    if (leaving) {
      response.header(HeaderValues.CONNECTION_CLOSE);
    }
    response.header(RequestIds.HEADER, requestId);
    if (answer.status() == 401) {
      response.header(HeaderNames.WWW_AUTHENTICATE, "Bearer");
    }
    if (answer.contentType() != null) {
      response.header(HeaderNames.CONTENT_TYPE, answer.contentType());
    }
    for (var header : answer.headers()) {
      response.header(HeaderNames.create(header.getKey()), header.getValue());
    }
  }

  private void send(
      ServerRequest request,
      ServerResponse response,
      String route,
      Answer answer,
      String requestId,
      long from) {
    head(response, answer, requestId);
    if (request.prologue().method().equals(Method.HEAD)) {
      response.header(HeaderNames.CONTENT_LENGTH, Integer.toString(answer.body().length));
      response.send();
    } else if (answer.body().length == 0) {
      response.send();
    } else {
      response.send(answer.body());
    }
    observe(request, route, answer, requestId, from);
  }

  private void observe(
      ServerRequest request, String route, Answer answer, String requestId, long from) {
    observer.answered(
        request.prologue().method().text(),
        route,
        request.path().path(),
        answer.status(),
        System.nanoTime() - from,
        requestId);
  }

  /** The absolute address for a port on this machine; for messages and tests. */
  public static URI local(int port) {
    return URI.create("http://127.0.0.1:" + port);
  }

  /**
   * The address under which a server can be asked from this machine.
   *
   * @param host what it listens on; in the place of every network's address stands this machine's
   */
  public static URI url(String host, int port) {
    var bare = host.startsWith("[") ? host.substring(1, host.length() - 1) : host;
    var reached =
        switch (bare) {
          case "", "0.0.0.0" -> "127.0.0.1";
          case "::", "0:0:0:0:0:0:0:0" -> "::1";
          default -> bare;
        };
    boolean brackets = reached.indexOf(':') >= 0;
    return URI.create("http://" + (brackets ? "[" + reached + "]" : reached) + ":" + port);
  }
}
