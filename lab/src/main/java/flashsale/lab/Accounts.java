package flashsale.lab;

import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.function.Supplier;
import java.util.stream.IntStream;

/**
 * Customers' accounts: made, and signed in. Each costs the server an Argon2 hash, so only a few are
 * asked for at a time, and a server that says when to come back is obeyed. Thread-safe.
 */
final class Accounts {
  /** How often one account is tried before it is given up. */
  static final int TRIES_MAX = 50;

  static final int COUNT_MAX = 100_000;
  private static final Duration PAUSE = Duration.ofMillis(200);

  record Account(String email, String password) {
    @Override
    public String toString() {
      return email;
    }
  }

  /**
   * A signed-in account.
   *
   * @param lifetime of the access token
   */
  record Session(
      Account account,
      String accessToken,
      String refreshToken,
      Duration lifetime,
      long signedInAt) {
    private static Session of(Account account, Client.Answered answered) {
      return new Session(
          account,
          answered.body().path("accessToken").asText(),
          answered.body().path("refreshToken").asText(),
          Duration.ofSeconds(answered.body().path("expiresInSeconds").asLong()),
          System.nanoTime());
    }

    boolean halfOver() {
      return System.nanoTime() - signedInAt > lifetime.toNanos() / 2;
    }
  }

  private final Supplier<URI> server;
  private final Tally tally;
  private final int atOnce;

  Accounts(Supplier<URI> server, Tally tally, int atOnce) {
    this.server = server;
    this.tally = tally;
    this.atOnce = atOnce;
  }

  /** The same names for the same seed, so that a second run on the same data finds them again. */
  static List<Account> of(long seed, int count) {
    if (count < 1 || count > COUNT_MAX) {
      throw new IllegalArgumentException("needs 1 to " + COUNT_MAX + " accounts, not " + count);
    }
    return IntStream.range(0, count)
        .mapToObj(
            i ->
                new Account(
                    "customer-%d-%d@crowd.example".formatted(seed, i),
                    "crowd secret %d %d".formatted(seed, i)))
        .toList();
  }

  /**
   * Makes the accounts; those that exist already are left as they are.
   *
   * @param eachDone told after each
   */
  void signUp(List<Account> accounts, Runnable eachDone) {
    inParallel(
        accounts,
        account -> {
          try (var client = new Client(server, tally)) {
            var body = Map.of("email", account.email(), "password", account.password());
            var answered = persist(client, "sign up", "/api/v1/users", body);
            if (!answered.ok() && !answered.code().equals("EMAIL_TAKEN")) {
              throw new IllegalStateException(account + " was not signed up: " + answered);
            }
            eachDone.run();
            return account;
          }
        });
  }

  /** Signs all of them in, in the same order. */
  List<Session> signIn(List<Account> accounts) {
    return asEach(accounts, (client, session) -> session);
  }

  /** What one signed-in customer does. */
  @FunctionalInterface
  interface Visit<R> {
    R on(Client client, Session session) throws IOException, InterruptedException;
  }

  /** Signs each of them in and does something as them; the results are in the same order. */
  <R> List<R> asEach(List<Account> accounts, Visit<R> visit) {
    return inParallel(
        accounts,
        account -> {
          try (var client = new Client(server, tally)) {
            var body = Map.of("email", account.email(), "password", account.password());
            return visit.on(client, session(client, account, "sign in", "/api/v1/sessions", body));
          }
        });
  }

  /** New tokens for old ones, in the same order; the old refresh tokens are used up. */
  List<Session> refresh(List<Session> sessions) {
    return inParallel(
        sessions,
        session -> {
          try (var client = new Client(server, tally)) {
            var body = Map.of("refreshToken", session.refreshToken());
            return session(client, session.account(), "refresh", "/api/v1/sessions/refresh", body);
          }
        });
  }

  private Session session(
      Client client, Account account, String call, String path, Map<String, String> body)
      throws IOException, InterruptedException {
    var answered = persist(client, call, path, body);
    if (!answered.ok()) {
      throw new IllegalStateException(call + " was refused: " + answered);
    }
    return Session.of(account, answered);
  }

  private Client.Answered persist(Client client, String call, String path, Object body)
      throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      var answered = client.call(call, "POST", path, null, null, body);
      if (!answered.passing() || attempt == TRIES_MAX) {
        return answered;
      }
      Thread.sleep(answered.retryAfter().orElse(PAUSE.multipliedBy(attempt)));
    }
  }

  @FunctionalInterface
  private interface Work<T, R> {
    R on(T item) throws IOException, InterruptedException;
  }

  private <T, R> List<R> inParallel(List<T> items, Work<T, R> work) {
    var free = new Semaphore(atOnce);
    var results = new ArrayList<R>(items.size());
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var futures = new ArrayList<Future<R>>(items.size());
      for (var item : items) {
        futures.add(
            threads.submit(
                () -> {
                  free.acquire();
                  try {
                    return work.on(item);
                  } finally {
                    free.release();
                  }
                }));
      }
      try {
        for (var future : futures) {
          results.add(future.get());
        }
      } catch (InterruptedException e) {
        threads.shutdownNow();
        Thread.currentThread().interrupt();
        throw new IllegalStateException("interrupted", e);
      } catch (ExecutionException e) {
        threads.shutdownNow();
        throw new IllegalStateException(e.getCause().getMessage(), e.getCause());
      }
    }
    return results;
  }
}
