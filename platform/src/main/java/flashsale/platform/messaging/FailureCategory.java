package flashsale.platform.messaging;

import flashsale.platform.batching.Late;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.messaging.Envelopes.UnreadableEnvelope;
import flashsale.platform.persistence.DatabaseFailure;

/** Why a message could not be driven to its end, as far as that decides what may help. */
public enum FailureCategory {
  /** Nobody here can read it or do what it says; trying again does not help. */
  BAD_INPUT,
  /** A rule of the schema stands against it. */
  REFUSED_BY_RULE,
  /** Nothing is wrong with the message; what it needs is full, late or away. */
  DEPENDENCY_DOWN,
  /** Anything else is a fault of the program. */
  BUG;

  /** Longer than any chain of causes; one that is longer runs in a circle. */
  private static final int CAUSES_MAX = 16;

  /**
   * The category of a failure. What wraps an outage is one too; what wraps bad input is not,
   * because then the message may have been good and something made of it was not.
   */
  public static FailureCategory of(Throwable failure) {
    if (failure instanceof UnreadableEnvelope || failure instanceof IllegalArgumentException) {
      return BAD_INPUT;
    }
    if (failure instanceof FailedElsewhere elsewhere) {
      return elsewhere.category();
    }
    if (failure instanceof Permanent) {
      return failure.getCause() == null ? BAD_INPUT : of(failure.getCause());
    }
    var cause = failure;
    for (int depth = 0; cause != null && depth < CAUSES_MAX; depth++) {
      if (cause instanceof Overloaded || cause instanceof Late) {
        return DEPENDENCY_DOWN;
      }
      if (cause instanceof FailedElsewhere elsewhere && depth > 0) {
        return elsewhere.category() == BAD_INPUT ? BUG : elsewhere.category();
      }
      if (cause instanceof DatabaseFailure refused) {
        return of(refused);
      }
      cause = cause.getCause();
    }
    return BUG;
  }

  /** Whether it was no message's fault: trying each alone would only press harder. */
  public static boolean isOutage(Throwable failure) {
    return of(failure) == DEPENDENCY_DOWN;
  }

  private static FailureCategory of(DatabaseFailure failure) {
    if (failure.isUnreachable()) {
      return DEPENDENCY_DOWN;
    }
    return failure.brokeAConstraint() ? REFUSED_BY_RULE : BUG;
  }
}
