package flashsale.redis;

import flashsale.platform.lifecycle.Periodic;
import flashsale.platform.metrics.Meters;
import flashsale.platform.resilience.Breakers;
import io.helidon.faulttolerance.CircuitBreaker;
import io.helidon.faulttolerance.CircuitBreakerOpenException;
import io.lettuce.core.AbstractRedisClient;
import io.lettuce.core.ClientOptions;
import io.lettuce.core.ClientOptions.DisconnectedBehavior;
import io.lettuce.core.RedisClient;
import io.lettuce.core.RedisException;
import io.lettuce.core.RedisFuture;
import io.lettuce.core.SocketOptions;
import io.lettuce.core.api.StatefulConnection;
import io.lettuce.core.cluster.ClusterClientOptions;
import io.lettuce.core.cluster.ClusterTopologyRefreshOptions;
import io.lettuce.core.cluster.RedisClusterClient;
import io.lettuce.core.cluster.api.async.RedisClusterAsyncCommands;
import io.lettuce.core.codec.ByteArrayCodec;
import io.lettuce.core.codec.RedisCodec;
import io.lettuce.core.codec.StringCodec;
import io.lettuce.core.pubsub.RedisPubSubAdapter;
import io.lettuce.core.pubsub.StatefulRedisPubSubConnection;
import io.lettuce.core.resource.ClientResources;
import io.lettuce.core.resource.Delay;
import io.micrometer.core.instrument.Counter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The connection to Redis that all of a process share. A question is answered within the budget or
 * not at all; where several in a row were not, nobody asks for a moment. Redis may come and go:
 * nothing here waits for it, and nothing throws. Thread-safe.
 */
public final class RedisLink implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(RedisLink.class);
  private static final Duration CONNECT_MAX = Duration.ofSeconds(1);
  private static final Duration CONNECT_EVERY = Duration.ofMillis(500);
  private static final Duration TOPOLOGY_EVERY = Duration.ofSeconds(30);

  /** Commands under way; more are refused, so that a Redis that hangs costs little memory. */
  private static final int QUESTIONS_MAX = 10_000;

  /** Of so many questions in a row the breaker looks at the share without an answer. */
  private static final int BREAKER_QUESTIONS = 10;

  private static final int BREAKER_FAILURES_PERCENT = 50;
  private static final Duration BREAKER_DELAY = Duration.ofSeconds(1);
  private static final Duration CLOSE_MAX = Duration.ofSeconds(2);

  private static final RedisCodec<String, byte[]> CODEC =
      RedisCodec.of(StringCodec.UTF8, ByteArrayCodec.INSTANCE);

  /** There was no answer in time. */
  private static final class NoAnswer extends RuntimeException {
    private static final long serialVersionUID = 1L;

    NoAnswer() {
      super("no answer", null, false, false);
    }
  }

  private final RedisSettings settings;
  private final ClientResources resources;
  private final AbstractRedisClient client;
  private final ConcurrentMap<String, CopyOnWriteArrayList<Consumer<String>>> listeners =
      new ConcurrentHashMap<>();
  private final List<Runnable> rounds = new CopyOnWriteArrayList<>();
  private final Set<String> subscribed = ConcurrentHashMap.newKeySet();
  private final CircuitBreaker breaker =
      CircuitBreaker.builder()
          .volume(BREAKER_QUESTIONS)
          .errorRatio(BREAKER_FAILURES_PERCENT)
          .delay(BREAKER_DELAY)
          .successThreshold(1)
          .addApplyOn(NoAnswer.class)
          .build();
  private final Counter answered;
  private final Counter unanswered;
  private final Counter notAsked;
  private final Periodic connecting;
  private volatile StatefulConnection<String, byte[]> connection;
  private volatile RedisClusterAsyncCommands<String, byte[]> commands;
  private volatile StatefulRedisPubSubConnection<String, byte[]> news;
  private volatile String refusal = "";

  /** Begins to connect, and goes on trying until it can. */
  public RedisLink(RedisSettings settings, Meters meters) {
    this.settings = settings;
    this.resources =
        ClientResources.builder().reconnectDelay(Delay.constant(CONNECT_EVERY)).build();
    this.client = settings.cluster() ? cluster() : standalone();
    this.answered = counter(meters, "answered");
    this.unanswered = counter(meters, "unanswered");
    this.notAsked = counter(meters, "not asked");
    this.connecting = new Periodic("redis-connect", CONNECT_EVERY, this::connect);
  }

  private static Counter counter(Meters meters, String outcome) {
    return meters.counter(
        "flashsale.redis.questions", "What Redis was to be asked", "outcome", outcome);
  }

  private RedisClient standalone() {
    var made = RedisClient.create(resources, settings.nodes().getFirst());
    made.setOptions(options(ClientOptions.builder()).build());
    return made;
  }

  private RedisClusterClient cluster() {
    var made = RedisClusterClient.create(resources, settings.nodes());
    var options = ClusterClientOptions.builder();
    options(options);
    made.setOptions(
        options
            .topologyRefreshOptions(
                ClusterTopologyRefreshOptions.builder()
                    .enablePeriodicRefresh(TOPOLOGY_EVERY)
                    .build())
            .build());
    return made;
  }

  private static ClientOptions.Builder options(ClientOptions.Builder options) {
    return options
        .disconnectedBehavior(DisconnectedBehavior.REJECT_COMMANDS)
        .requestQueueSize(QUESTIONS_MAX)
        .socketOptions(
            SocketOptions.builder().connectTimeout(CONNECT_MAX).tcpNoDelay(true).build());
  }

  private void connect() {
    try {
      if (commands == null) {
        open();
      }
      if (connection.isOpen()) {
        rounds.forEach(Runnable::run);
      }
      if (news == null) {
        listen();
      }
      subscribeToTheRest();
      if (breaker.state() != CircuitBreaker.State.CLOSED) {
        ask(RedisClusterAsyncCommands::ping); // Else it would wait for a customer to try.
      }
      refusal = "";
    } catch (RedisException e) {
      var why = reason(e);
      if (!why.equals(refusal)) { // Not every half second.
        LOG.warn("Redis cannot be used, and what it is for is done without: {}", why);
      }
      refusal = why;
    }
  }

  private static String reason(Throwable e) {
    return e.getCause() == null ? String.valueOf(e.getMessage()) : reason(e.getCause());
  }

  private void open() {
    switch (client) {
      case RedisClusterClient c -> {
        var opened = c.connect(CODEC);
        connection = opened;
        commands = opened.async();
      }
      case RedisClient c -> {
        var opened = c.connect(CODEC);
        connection = opened;
        commands = opened.async();
      }
      default -> throw new IllegalStateException("no such client");
    }
    LOG.info("{} is connected", settings);
  }

  private void listen() {
    var opened =
        client instanceof RedisClusterClient c
            ? c.connectPubSub(CODEC)
            : ((RedisClient) client).connectPubSub(CODEC);
    opened.addListener(
        new RedisPubSubAdapter<>() {
          @Override
          public void message(String topic, byte[] text) {
            heard(topic, new String(text, StandardCharsets.UTF_8));
          }

          @Override
          public void subscribed(String topic, long count) {
            subscribed.add(topic);
          }
        });
    news = opened;
  }

  /** What Redis has confirmed once, the client subscribes to anew after each loss. */
  private void subscribeToTheRest() {
    for (var name : listeners.keySet()) {
      if (!subscribed.contains(name)) {
        unawaited(news.async().subscribe(name));
      }
    }
  }

  private void heard(String topic, String text) {
    for (var listener : listeners.getOrDefault(topic, new CopyOnWriteArrayList<>())) {
      try {
        listener.accept(text);
      } catch (RuntimeException e) {
        LOG.warn("news of {} were not understood: {}", topic, e.toString());
      }
    }
  }

  /** The answer, if there is one within the budget. */
  <T> Optional<T> ask(Function<RedisClusterAsyncCommands<String, byte[]>, Future<T>> question) {
    var asked = commands;
    if (asked == null || !connection.isOpen()) {
      notAsked.increment();
      return Optional.empty();
    }
    try {
      var answer = Breakers.invoke(breaker, () -> awaited(asked, question));
      answered.increment();
      return Optional.ofNullable(answer);
    } catch (CircuitBreakerOpenException e) {
      notAsked.increment();
    } catch (NoAnswer e) {
      unanswered.increment();
    }
    return Optional.empty();
  }

  private <T> T awaited(
      RedisClusterAsyncCommands<String, byte[]> asked,
      Function<RedisClusterAsyncCommands<String, byte[]>, Future<T>> question) {
    Future<T> answer = null;
    try {
      answer = question.apply(asked);
      return answer.get(settings.budget().toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException | RedisException e) {
      if (answer != null) {
        answer.cancel(false);
      }
      throw new NoAnswer();
    } catch (ExecutionException e) {
      LOG.debug("Redis: {}", reason(e));
      throw new NoAnswer();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new NoAnswer();
    }
  }

  /** Does this every half second while there is a connection, however slow that is. */
  void eachRound(Runnable round) {
    rounds.add(round);
  }

  /**
   * Has a command carried out, however slow Redis is. Does not wait.
   *
   * @return done when Redis has confirmed it; failed where it may not have been carried out, at
   *     once if there is no connection
   */
  <T> CompletionStage<T> deliver(
      Function<RedisClusterAsyncCommands<String, byte[]>, RedisFuture<T>> command) {
    var asked = commands;
    if (asked == null || !connection.isOpen()) {
      return CompletableFuture.failedStage(new NoAnswer());
    }
    try {
      return command.apply(asked);
    } catch (RedisException e) {
      return CompletableFuture.failedStage(e);
    }
  }

  /** Asks and does not wait for the answer; not while Redis is slow. It may be lost. */
  void send(Function<RedisClusterAsyncCommands<String, byte[]>, RedisFuture<?>> command) {
    var asked = commands;
    if (asked != null && connection.isOpen() && breaker.state() == CircuitBreaker.State.CLOSED) {
      try {
        unawaited(command.apply(asked));
      } catch (RedisException e) {
        LOG.debug("Redis: {}", reason(e));
      }
    }
  }

  private static void unawaited(RedisFuture<?> answer) {
    answer.whenComplete(
        (_, e) -> {
          if (e != null) {
            LOG.debug("Redis: {}", reason(e));
          }
        });
  }

  /** Hears what is published under a name, now and after each loss of the connection. */
  void subscribe(String name, Consumer<String> listener) {
    listeners.computeIfAbsent(name, n -> new CopyOnWriteArrayList<>()).add(listener);
    var opened = news;
    if (opened != null) {
      unawaited(opened.async().subscribe(name));
    }
  }

  /** {@code UP}, {@code SLOW} while it is not asked for a moment, or {@code DOWN}. */
  public String state() {
    if (commands == null || !connection.isOpen()) {
      return "DOWN";
    }
    return breaker.state() == CircuitBreaker.State.CLOSED ? "UP" : "SLOW";
  }

  /** Why connecting failed the last time; empty if it did not. */
  String refusal() {
    return refusal;
  }

  @Override
  public void close() {
    connecting.close();
    client.shutdown(Duration.ZERO, CLOSE_MAX);
    resources
        .shutdown(0, CLOSE_MAX.toMillis(), TimeUnit.MILLISECONDS)
        .awaitUninterruptibly(CLOSE_MAX.toMillis());
  }
}
