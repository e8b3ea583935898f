package flashsale.payments;

import java.time.Instant;
import java.util.UUID;

/** What became known about a payment; {@link PaymentRow#after} says what that changes. */
sealed interface Settlement {
  UUID paymentId();

  /** The gateway has the money. */
  record Captured(UUID paymentId, String reference) implements Settlement {}

  /** Nothing was and nothing will be charged. */
  record Declined(UUID paymentId, String reason) implements Settlement {}

  /** The gateway was asked and gave no answer; it is to be asked again at {@code lookAt}. */
  record Unanswered(UUID paymentId, Instant lookAt) implements Settlement {}

  /** The gateway gave the money back: because the hold was lost, or because an operator said so. */
  record Refunded(UUID paymentId, boolean holdLost) implements Settlement {}
}
