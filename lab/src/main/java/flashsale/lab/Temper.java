package flashsale.lab;

import java.util.List;
import java.util.random.RandomGenerator;

/**
 * What a customer is like during one purchase.
 *
 * @param press how they press the button
 * @param ending what they do with a reservation
 * @param cart whether they fill a cart first, or reserve the lines as they are
 * @param lines how many different offers they want
 */
record Temper(Press press, Ending ending, boolean cart, int lines) {
  /** Ways to press the button; of a hundred customers, so many do it. */
  enum Press {
    ONCE(80),
    /** Five requests at the same time with one key: one reservation. */
    FIVE_TIMES_WITH_ONE_KEY(12),
    /** Five requests at the same time with five keys: as many as stock and limit allow. */
    FIVE_TIMES_WITH_FIVE_KEYS(8);

    private final int percent;

    Press(int percent) {
      this.percent = percent;
    }
  }

  /** Ends of a purchase; of a hundred customers, so many do it. */
  enum Ending {
    PAY(56),
    SECOND_CARD(12),
    GATEWAY_TIMES_OUT_AFTER_CHARGE(5),
    GATEWAY_TIMES_OUT_BEFORE_CHARGE(3),
    GATEWAY_IS_SLOW(4),
    GATEWAY_ANSWERS_TWICE(2),
    RELEASE(8),
    WALK_AWAY(10);

    private final int percent;

    Ending(int percent) {
      this.percent = percent;
    }

    /** The sandbox's cards in the order in which they are tried. */
    List<String> cards() {
      return switch (this) {
        case PAY -> List.of("tok_ok");
        case SECOND_CARD -> List.of("tok_declined", "tok_ok");
        case GATEWAY_TIMES_OUT_AFTER_CHARGE -> List.of("tok_timeout_after_charge");
        case GATEWAY_TIMES_OUT_BEFORE_CHARGE -> List.of("tok_timeout_before_charge", "tok_ok");
        case GATEWAY_IS_SLOW -> List.of("tok_slow");
        case GATEWAY_ANSWERS_TWICE -> List.of("tok_twice");
        case RELEASE, WALK_AWAY -> List.of();
      };
    }
  }

  private static final int CARTS_PERCENT = 50;
  private static final int LINES_MAX = 3;

  /** The same for the same state of the generator. */
  static Temper of(RandomGenerator random) {
    return new Temper(
        press(random.nextInt(100)),
        ending(random.nextInt(100)),
        random.nextInt(100) < CARTS_PERCENT,
        random.nextInt(1, LINES_MAX + 1));
  }

  private static Press press(int lot) {
    int upTo = 0;
    for (var press : Press.values()) {
      upTo += press.percent;
      if (lot < upTo) {
        return press;
      }
    }
    throw new IllegalStateException("the ways to press the button make " + upTo + " percent");
  }

  private static Ending ending(int lot) {
    int upTo = 0;
    for (var ending : Ending.values()) {
      upTo += ending.percent;
      if (lot < upTo) {
        return ending;
      }
    }
    throw new IllegalStateException("the ends of a purchase make " + upTo + " percent");
  }
}
