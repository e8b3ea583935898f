package flashsale.payments;

import java.util.Arrays;
import java.util.Optional;

/** The card tokens of the sandbox gateway; each plays one thing that happens to real charges. */
public enum SandboxCard {
  /** Is charged. */
  OK("tok_ok"),
  /** Is declined with the reason {@code insufficient_funds}. */
  DECLINED("tok_declined"),
  /** Is charged, but the answer is lost. */
  TIMEOUT_AFTER_CHARGE("tok_timeout_after_charge"),
  /** The request is lost: nothing is charged, and there is no answer. */
  TIMEOUT_BEFORE_CHARGE("tok_timeout_before_charge"),
  /** Is charged, and answered late. */
  SLOW("tok_slow"),
  /** Is charged, and answered twice. */
  TWICE("tok_twice");

  private final String token;

  SandboxCard(String token) {
    this.token = token;
  }

  /** What a customer sends as the method. */
  public String token() {
    return token;
  }

  static Optional<SandboxCard> of(String token) {
    return Arrays.stream(values()).filter(card -> card.token.equals(token)).findFirst();
  }
}
