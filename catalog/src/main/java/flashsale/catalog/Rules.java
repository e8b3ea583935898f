package flashsale.catalog;

import flashsale.platform.http.Problem;
import java.net.URI;
import java.net.URISyntaxException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Currency;
import java.util.function.IntPredicate;

/**
 * What operators may write into the catalogue. Each rule takes what was sent and returns what is
 * stored, or throws a 422 INVALID_VALUE that names the field. Required: null is refused. Whoever
 * makes such values elsewhere, from a file say, checks them with the same rules.
 */
public final class Rules {
  public static final int NAME_MAX_CHARS = 200;
  public static final int DESCRIPTION_MAX_CHARS = 5_000;
  public static final int IMAGE_URL_MAX_CHARS = 2_000;
  static final long PRICE_MAX_MINOR = 1_000_000_000_000L;
  public static final int ALLOCATED_MAX_UNITS = 100_000_000;
  public static final int LIMIT_MAX_UNITS = 1_000;
  public static final int HOLD_MIN_SECONDS = 10;
  public static final int HOLD_MAX_SECONDS = 86_400;

  /** PostgreSQL and Java both know more times than these, but not the same ones. */
  static final Instant EARLIEST = Instant.parse("2000-01-01T00:00:00Z");

  static final Instant LATEST = Instant.parse("2200-01-01T00:00:00Z");

  private Rules() {}

  /** The name of a product or a sale. */
  public static String name(String value) {
    return text("name", value, 1, NAME_MAX_CHARS, c -> false);
  }

  /** What is said of a product; may be empty. */
  public static String description(String value) {
    return text(
        "description", value, 0, DESCRIPTION_MAX_CHARS, c -> c == '\n' || c == '\r' || c == '\t');
  }

  /** An http or https address, or one relative to the shop's; empty or null: no image. */
  public static String imageUrl(String value) {
    if (value == null || value.isEmpty()) {
      return null;
    }
    var stored = text("imageUrl", value, 1, IMAGE_URL_MAX_CHARS, c -> false);
    try {
      var uri = new URI(stored);
      boolean web =
          "http".equalsIgnoreCase(uri.getScheme()) || "https".equalsIgnoreCase(uri.getScheme());
      if (web ? uri.getHost() != null : uri.getScheme() == null && uri.getRawAuthority() == null) {
        return stored;
      }
    } catch (URISyntaxException e) {
      // Said below.
    }
    throw invalid("imageUrl", "must be an http or https address, or a relative one");
  }

  /** A price in minor units. */
  public static long price(Long value) {
    return within("unitPriceMinor", value, 0, PRICE_MAX_MINOR);
  }

  static String currency(String value) {
    try {
      if (value != null) {
        return Currency.getInstance(value).getCurrencyCode();
      }
    } catch (IllegalArgumentException e) {
      // Said below.
    }
    throw invalid("currency", "must be an ISO 4217 code, e.g. EUR");
  }

  static int allocated(Integer value) {
    return (int) within("allocated", value, 0, ALLOCATED_MAX_UNITS);
  }

  static int limitPerCustomer(Integer value) {
    return (int) within("limitPerCustomer", value, 0, LIMIT_MAX_UNITS);
  }

  static int holdSeconds(Integer value) {
    return (int) within("holdSeconds", value, HOLD_MIN_SECONDS, HOLD_MAX_SECONDS);
  }

  /** ISO 8601 with a zone, to the microsecond. */
  public static Instant time(String field, String value) {
    try {
      if (value != null) {
        var time = Instant.parse(value).truncatedTo(ChronoUnit.MICROS);
        if (!time.isBefore(EARLIEST) && time.isBefore(LATEST)) {
          return time;
        }
      }
    } catch (DateTimeException e) {
      // Said below.
    }
    throw invalid(
        field, "must be a time like 2026-01-31T12:00:00Z, from " + EARLIEST + " to " + LATEST);
  }

  static void window(Instant opensAt, Instant closesAt) {
    if (!opensAt.isBefore(closesAt)) {
      throw invalid("closesAt", "must be later than opensAt");
    }
  }

  static Problem invalid(String field, String rule) {
    return Problem.unprocessable("INVALID_VALUE", field + " " + rule + ".").with("field", field);
  }

  private static long within(String field, Number value, long min, long max) {
    if (value == null || value.longValue() < min || value.longValue() > max) {
      throw invalid(field, "must be a whole number from " + min + " to " + max);
    }
    return value.longValue();
  }

  /** Lengths count code points, as PostgreSQL does; what it cannot store is refused here. */
  private static String text(
      String field, String value, int min, int max, IntPredicate controlAllowed) {
    if (value != null) {
      var stored = value.strip();
      int length = stored.codePointCount(0, stored.length());
      if (length >= min && length <= max && stored.codePoints().allMatch(plain(controlAllowed))) {
        return stored;
      }
    }
    throw invalid(
        field, "must be text of " + min + " to " + max + " characters, without control characters");
  }

  private static IntPredicate plain(IntPredicate controlAllowed) {
    return c ->
        Character.isISOControl(c)
            ? controlAllowed.test(c)
            : Character.getType(c) != Character.SURROGATE;
  }
}
