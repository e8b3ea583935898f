package flashsale.platform.batching;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;

/**
 * Turns many callers into few batches: callers submit and wait, one writer drains what has gathered
 * while the previous batch was being done, and every caller gets its own answer afterwards. There
 * is no artificial delay. The idea is the "smart batching" of the LMAX Disruptor's batch event
 * processor.
 *
 * <p>Thread-safe. A batch that fails is done again one by one, so that a poisoned request fails
 * alone; the work must therefore be one transaction and safe to repeat.
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

  /** How soon an idle writer notices that it is to end. */
  private static final Duration IDLE_LOOK = Duration.ofMillis(50);

  private final String name;
  private final int batchMax;
  private final int queueMax;
  private final Function<List<Q>, List<A>> work;
  private final Observer observer;
  private final BlockingQueue<Ticket<Q, A>> queue;
  private final Thread writer;
  private volatile boolean closing;

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
      throw new Overloaded(name + " is stopping");
    }
    var ticket = new Ticket<Q, A>(request, Thread.currentThread());
    if (!queue.offer(ticket)) {
      throw new Overloaded(name + " is full (waiting=" + queueMax + ")");
    }
    return ticket.await(name, timeout);
  }

  /** Requests waiting now. */
  public int waiting() {
    return queue.size();
  }

  /** Refuses new requests, finishes those that wait, and ends the writer. */
  @Override
  public void close() {
    closing = true;
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
    // A request that slipped in between the last look and `closing` must not wait for nothing.
    for (var left = queue.poll(); left != null; left = queue.poll()) {
      left.fail(new Overloaded(name + " is stopping"));
    }
  }

  private void doBatch(List<Ticket<Q, A>> batch) {
    long from = System.nanoTime();
    boolean failed = false;
    try {
      answer(batch);
    } catch (Exception | Error e) {
      failed = true;
      if (batch.size() == 1) {
        batch.getFirst().fail(e);
      } else {
        batch.forEach(this::alone);
      }
    }
    observer.batchDone(batch.size(), System.nanoTime() - from, failed);
  }

  private void alone(Ticket<Q, A> ticket) {
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
