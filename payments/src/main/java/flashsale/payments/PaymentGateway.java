package flashsale.payments;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.BiConsumer;

/**
 * Whoever takes the money: an outside system that may be slow, silent, or gone. Everything is asked
 * under a key of ours, the payment's id, and asking again under the same key never does anything a
 * second time: it gives the first answer. All methods block and may be called by many threads.
 *
 * <p>A provider that cannot promise what {@link #cancel} promises must offer something equivalent
 * (a cancellable payment intent, or a void): without it an unanswered charge could never be given
 * up.
 */
public interface PaymentGateway {
  /** What to charge. {@code key} and {@code orderId} are ours; amounts in minor units. */
  record Charge(UUID key, UUID orderId, long amountMinor, String currency, String method) {}

  /** A charge that was captured once, as the gateway's book has it now. */
  record Entry(UUID key, UUID orderId, long amountMinor, boolean refunded) {}

  /** How the gateway stands to a key; final. */
  sealed interface Outcome {
    /** The money was taken; {@code reference} is the gateway's own name for that. */
    record Captured(String reference) implements Outcome {}

    /** Nothing was taken; {@code reason} is the gateway's code. */
    record Declined(String reason) implements Outcome {}

    /** Nothing was taken and nothing can be under this key any more. */
    record Cancelled() implements Outcome {}
  }

  /** The gateway gave no answer: whatever was asked may have happened or not. */
  final class NoAnswer extends RuntimeException {
    private static final long serialVersionUID = 1L;

    public NoAnswer(String message) {
      super(message, null, false, false);
    }
  }

  /** Whether this is a method that can be charged at all, as far as one can tell without asking. */
  boolean knows(String method);

  /**
   * Takes the money, once for a key.
   *
   * @throws NoAnswer if it cannot be told whether that happened
   */
  Outcome charge(Charge charge);

  /**
   * How the gateway stands to this key. Nothing means that it has not heard of it yet: the request
   * may still be on its way.
   *
   * @throws NoAnswer if the gateway cannot be reached
   */
  Optional<Outcome> lookup(UUID key);

  /**
   * Makes sure that nothing will ever be charged under this key, unless it was charged already; the
   * two exclude each other at the gateway, however late a request arrives there.
   *
   * @return the first outcome if there was one, else {@link Outcome.Cancelled}
   * @throws NoAnswer if it cannot be told whether that happened
   */
  Outcome cancel(UUID key);

  /**
   * Gives all the money of a captured charge back, once.
   *
   * @return the gateway's name for the refund
   * @throws NoAnswer if it cannot be told whether that happened
   * @throws IllegalStateException if nothing was captured under this key
   */
  String refund(UUID key);

  /**
   * The gateway's book: every charge that was captured, also under keys that we have forgotten, in
   * unsigned byte order of the keys, of those after {@code after}, at most {@code max}.
   *
   * @throws NoAnswer if the gateway cannot be reached
   */
  List<Entry> charges(Optional<UUID> after, int max);

  /**
   * Who is told the answers that come by themselves: late ones, and second ones. Called by any
   * thread, possibly before {@link #charge} has returned.
   */
  void onAnswer(BiConsumer<UUID, Outcome> listener);
}
