package flashsale.platform.messaging;

import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.UUID;

/**
 * Carries messages from the outbox of the role that made them to the role that handles them. Each
 * queue belongs to one role.
 *
 * <p>At least once: a handler sees an id again after a crash, a lost acknowledgement or a failure,
 * and has to answer it as it did the first time. In order per key, with one exception: a message
 * that failed waits for its next attempt, and later ones with its key may overtake it meanwhile.
 *
 * <p>A batch that fails is handed over again one message at a time, so that a poisoned one is alone
 * with its failure. It is tried again until its attempts are used up, then parked; what is {@link
 * Permanent} is parked at once. Thread-safe.
 */
public interface Bus extends AutoCloseable {
  /**
   * A fact in its envelope.
   *
   * @param id the same for every copy of this message
   * @param key messages with the same key stay in order
   * @param envelope JSON, see {@link Envelopes}
   * @param attempts how often it was handed to the handler before (0 the first time)
   */
  record Message(UUID id, UUID key, String envelope, int attempts) {}

  /** What a role does about messages. */
  @FunctionalInterface
  interface Handler {
    /**
     * Takes a batch; returns when it is done with all, throws if not. May be called by several
     * threads at a time, never for one key.
     */
    void handle(List<Message> batch);
  }

  /** Where what cannot be done is kept. */
  @FunctionalInterface
  interface Parking {
    /**
     * Keeps one message whose attempts are used up, or that can never be done. Durable when it
     * returns; when it throws, the message is tried again later. May be called again for a message
     * that is parked already, and by several threads.
     *
     * @param message with the attempts that were made, the last one included
     * @param firstAttempt when it failed for the first time, as far as that is known
     * @param reason what the handler threw
     */
    void park(String queue, Message message, Instant firstAttempt, Throwable reason);
  }

  /**
   * Hands messages over to a queue, in order per key.
   *
   * @return the ids of those that have arrived durably; the others are the caller's to repeat, and
   *     some of them may have arrived all the same
   */
  Set<UUID> publish(String queue, List<Message> messages);

  /**
   * Starts to consume this queue, once per process.
   *
   * @param batchMax messages at the handler at a time, in one batch or in several
   */
  void subscribe(String queue, int batchMax, Handler handler);

  /** Finishes the batches under way; afterwards nothing arrives and nothing is handed over. */
  @Override
  void close();
}
