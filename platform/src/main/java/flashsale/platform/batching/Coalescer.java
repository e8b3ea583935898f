package flashsale.platform.batching;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Turns many callers into few batches: callers submit and wait, one writer drains what has gathered
 * while the previous batch was being done, and every caller gets its own answer afterwards. There
 * is no artificial delay. The idea is the "smart batching" of the LMAX Disruptor's batch event
 * processor.
 *
 * <p>Thread-safe. A batch that fails is done again one by one, so that a poisoned request fails
 * alone; the work must therefore be one transaction and safe to repeat. A batch that fails with
 * {@link Overloaded} fails as a whole. A request whose caller has gone before its batch began is
 * dropped.
 *
 * @param <Q> what callers ask
 * @param <A> what they are answered
 */
public final class Coalescer<Q, A> implements AutoCloseable {
  /** Told about each batch, by the writer: how many requests it had and how long it took. */
  @FunctionalInterface
  public interface Observer {
    void batchDone(int size, long nanos, boolean failed);
  }

  private static final Logger LOG = LoggerFactory.getLogger(Coalescer.class);

  /** How soon an idle writer notices by itself that it is to end; it is woken for that. */
  private static final Duration IDLE_LOOK = Duration.ofSeconds(1);

  private final String name;
  private final int batchMax;
  private final int queueMax;
  private final Function<List<Q>, List<A>> work;
  private final Observer observer;
  private final BlockingQueue<Ticket<Q, A>> queue;
  private final Thread writer;
  private volatile boolean closing;
  private volatile boolean ended;

  /**
   * Starts the writer.
   *
   * @param name for messages, threads and metrics
   * @param batchMax requests in one batch at most
   * @param queueMax waiting requests at most; more are refused with {@link Overloaded}
   * @param work does a batch and answers in the same order with as many answers
   */
  public Coalescer(
      String name, int batchMax, int queueMax, Function<List<Q>, List<A>> work, Observer observer) {
    this.name = name;
    this.batchMax = batchMax;
    this.queueMax = queueMax;
    this.work = work;
    this.observer = observer;
    this.queue = new ArrayBlockingQueue<>(queueMax);
    this.writer = Thread.ofPlatform().name("batch-" + name).daemon().start(this::write);
  }

  /**
   * Waits for the answer.
   *
   * @throws Overloaded at once when the queue is full or the coalescer is closed
   * @throws Late when the deadline passed first; the request may still be done
   * @throws RuntimeException what the work threw for this request
   */
  public A submit(Q request, Duration timeout) {
    if (closing) {
      throw stopping();
    }
    var ticket = new Ticket<Q, A>(request, Thread.currentThread());
    if (!queue.offer(ticket)) {
      throw new Overloaded(name + " is full (waiting=" + queueMax + ")");
    }
    if (ended && queue.remove(ticket)) {
      throw stopping(); // The writer took its last look before this one came.
    }
    return ticket.await(name, timeout);
  }

  private Overloaded stopping() {
    return new Overloaded(name + " is stopping");
  }

  /** Requests waiting now. */
  public int waiting() {
    return queue.size();
  }

  /** Refuses new requests, finishes those that wait, and ends the writer. */
  @Override
  public void close() {
    closing = true;
    wake();
    boolean interrupted = false;
    while (writer.isAlive()) {
      try {
        writer.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** With what nobody waits for. A queue that has no room for it wakes the writer by itself. */
  private void wake() {
    var nothing = new Ticket<Q, A>(null, null);
    nothing.abandoned = true;
    queue.offer(nothing);
  }

  private void write() {
    var batch = new ArrayList<Ticket<Q, A>>(batchMax);
    while (!closing || !queue.isEmpty()) {
      try {
        batch.clear();
        if (queue.drainTo(batch, batchMax) == 0) {
          var first = queue.poll(IDLE_LOOK.toMillis(), TimeUnit.MILLISECONDS);
          if (first == null) {
            continue;
          }
          batch.add(first);
          queue.drainTo(batch, batchMax - 1);
        }
      } catch (InterruptedException e) {
        throw new IllegalStateException("nobody interrupts the writer", e);
      }
      doBatch(batch);
    }
    // A request that slipped in between the last look and `closing` must not wait for nothing. One
    // that comes after this look finds `ended` set.
    ended = true;
    for (var left = queue.poll(); left != null; left = queue.poll()) {
      left.fail(stopping());
    }
  }

  private void doBatch(List<Ticket<Q, A>> batch) {
    // Nobody waits for these any more. Doing them would only make the others late too, and a writer
    // that was held up would never catch up.
    batch.removeIf(ticket -> ticket.abandoned);
    if (batch.isEmpty()) {
      return;
    }
    long from = System.nanoTime();
    boolean failed = false;
    try {
      answer(batch);
    } catch (Overloaded e) {
      failed = true; // No request's fault; trying each alone would only press harder.
      batch.forEach(ticket -> ticket.fail(e));
    } catch (Exception | Error e) {
      failed = true;
      if (batch.size() == 1) {
        batch.getFirst().fail(e);
      } else {
        batch.forEach(this::alone);
      }
    }
    observe(batch.size(), System.nanoTime() - from, failed);
  }

  /** Whatever an observer does, the writer must go on. */
  private void observe(int size, long nanos, boolean failed) {
    try {
      observer.batchDone(size, nanos, failed);
    } catch (RuntimeException e) {
      LOG.warn("the observer of {} failed", name, e);
    }
  }

  private void alone(Ticket<Q, A> ticket) {
    if (ticket.abandoned) {
      return; // Its caller left while the ones before it were tried.
    }
    try {
      answer(List.of(ticket));
    } catch (Exception | Error e) {
      ticket.fail(e);
    }
  }

  private void answer(List<Ticket<Q, A>> batch) {
    var requests = new ArrayList<Q>(batch.size());
    for (var ticket : batch) {
      requests.add(ticket.request);
    }
    var answers = work.apply(requests);
    if (answers.size() != batch.size()) {
      throw new IllegalStateException(
          name + " gave " + answers.size() + " answers to " + batch.size() + " requests");
    }
    for (int i = 0; i < batch.size(); i++) {
      batch.get(i).complete(answers.get(i));
    }
  }

  /** One waiting caller. */
  private static final class Ticket<Q, A> {
    private final Q request;
    private final Thread caller;
    private A answer;
    private Throwable failure;
    private volatile boolean done;
    private volatile boolean abandoned;

    Ticket(Q request, Thread caller) {
      this.request = request;
      this.caller = caller;
    }

    void complete(A value) {
      answer = value;
      done = true;
      LockSupport.unpark(caller);
    }

    void fail(Throwable cause) {
      failure = cause;
      done = true;
      LockSupport.unpark(caller);
    }

    A await(String name, Duration timeout) {
      long deadline = System.nanoTime() + timeout.toNanos();
      while (!done) {
        long left = deadline - System.nanoTime();
        if (left <= 0 || Thread.currentThread().isInterrupted()) {
          abandoned = true;
          throw new Late(name + " gave no answer within " + timeout.toMillis() + " ms");
        }
        LockSupport.parkNanos(this, left);
      }
      if (failure instanceof RuntimeException e) {
        throw e;
      }
      if (failure != null) {
        throw new IllegalStateException(name + " failed", failure);
      }
      return answer;
    }
  }
}
