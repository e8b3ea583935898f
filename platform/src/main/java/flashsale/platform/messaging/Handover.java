package flashsale.platform.messaging;

import flashsale.platform.messaging.Bus.Handler;
import flashsale.platform.messaging.Bus.Message;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.UUID;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One batch on its way through a handler: whole first; if that fails, each message alone. What was
 * not tried is held back without an attempt being counted: a message after one of its key that
 * failed, and everything after several failures in a row, because then it is not the messages that
 * are broken but something they all need, and each further try would only wait for a timeout.
 *
 * @param failed what was tried and failed
 * @param heldBack what was not tried
 * @param exhausted whether it stopped after too many failures in a row
 */
record Handover(List<Failure> failed, List<Message> heldBack, boolean exhausted) {
  /** A message and what its handler threw. */
  record Failure(Message message, Throwable reason) {
    boolean permanent() {
      return Permanent.is(reason);
    }
  }

  /** Failures in a row, permanent ones aside, after which the rest of a batch is not tried. */
  static final int FAILURES_IN_A_ROW_MAX = 3;

  private static final Logger LOG = LoggerFactory.getLogger(Handover.class);
  private static final Handover DONE = new Handover(List.of(), List.of(), false);

  /** Hands a batch over; returns what has become of it and never throws. */
  static Handover of(Handler handler, List<Message> batch) {
    var failure = attempt(handler, List.copyOf(batch));
    if (failure == null) {
      return DONE;
    }
    if (batch.size() == 1) {
      return new Handover(List.of(new Failure(batch.getFirst(), failure)), List.of(), false);
    }
    LOG.info("a batch of {} failed and is done one by one: {}", batch.size(), failure.toString());
    return oneByOne(handler, batch);
  }

  private static Handover oneByOne(Handler handler, List<Message> batch) {
    var failed = new ArrayList<Failure>();
    var heldBack = new ArrayList<Message>();
    var keys = new HashSet<UUID>();
    int row = 0;
    for (var message : batch) {
      if (row == FAILURES_IN_A_ROW_MAX || keys.contains(message.key())) {
        heldBack.add(message);
        continue;
      }
      var reason = attempt(handler, List.of(message));
      if (reason == null) {
        row = 0;
        continue;
      }
      var failure = new Failure(message, reason);
      failed.add(failure);
      if (!failure.permanent()) {
        keys.add(message.key());
        row++;
      }
    }
    return new Handover(failed, heldBack, row == FAILURES_IN_A_ROW_MAX);
  }

  /** Errors too: a message that overflows the stack must not end the thread that consumes. */
  private static Throwable attempt(Handler handler, List<Message> batch) {
    try {
      handler.handle(batch);
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    }
  }
}
