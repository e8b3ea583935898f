package flashsale.server;

import flashsale.catalog.Catalogue;
import flashsale.catalog.Rules;
import flashsale.platform.http.Problem;
import java.math.BigDecimal;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Currency;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * Reads a sale file and goes on after a mistake, so that all of them are told at once, each with
 * its line. The rules are the server's own ({@link Rules}): what it would refuse must not be found
 * out when half of the sale is there. Used once, by one thread.
 */
final class SaleFileReader {
  private static final List<String> SALE_FIELDS =
      List.of("name", "opensAt", "closesAt", "holdTime", "currency", "offers");
  private static final List<String> OFFER_FIELDS =
      List.of("product", "description", "imageUrl", "price", "units", "limit");
  private static final int OFFERS_MAX = Catalogue.Settings.defaults().offersPerSaleMax();
  private static final Duration HOLD_MIN = Duration.ofSeconds(Rules.HOLD_MIN_SECONDS);
  private static final Duration HOLD_MAX = Duration.ofSeconds(Rules.HOLD_MAX_SECONDS);
  private static final String NAME = "a text of 1 to " + Rules.NAME_MAX_CHARS + " characters";

  private final YamlFile yaml;
  private final Instant now;
  private final List<String> problems = new ArrayList<>();

  SaleFileReader(YamlFile yaml, Instant now) {
    this.yaml = yaml;
    this.now = now.truncatedTo(ChronoUnit.MICROS);
  }

  SaleFile read() {
    unknownFields();
    var name = value("name", Rules::name, NAME, null);
    var opensAt =
        value(
            "opensAt",
            this::opening,
            "now, a time from now such as +10m, or a date and"
                + " time such as 2026-12-01T18:00:00Z",
            now);
    var closesAt =
        value(
            "closesAt",
            closing(opensAt),
            "a time after the opening such as +2h, or a"
                + " date and time such as 2026-12-01T20:00:00Z",
            null);
    var hold =
        value(
            "holdTime",
            SaleFileReader::hold,
            "a time from "
                + Durations.show(HOLD_MIN)
                + " to "
                + Durations.show(HOLD_MAX)
                + " such as 10m",
            Duration.ofMinutes(10));
    var currency = value("currency", Currency::getInstance, "an ISO 4217 code such as EUR", null);
    if (opensAt != null && closesAt != null && !closesAt.isAfter(opensAt)) {
      problem("closesAt", "must be after opensAt");
    }
    var offers = offers(currency);
    if (!problems.isEmpty()) {
      throw new CommandFailure(ExitCode.USAGE, String.join("\n", problems));
    }
    return new SaleFile(name, opensAt, closesAt, hold, currency, offers);
  }

  private List<SaleFile.Offering> offers(Currency currency) {
    int count = yaml.size("offers");
    if (count == 0 || count > OFFERS_MAX) {
      problem("offers", "must be a list of 1 to " + OFFERS_MAX + " offers");
      return List.of();
    }
    var offers = new ArrayList<SaleFile.Offering>(count);
    Map<String, String> seen = new HashMap<>();
    for (int i = 0; i < count; i++) {
      var at = "offers[" + i + "].";
      var offer = offer(at, currency);
      var before = offer.product() == null ? null : seen.put(offer.product(), at);
      if (before != null) {
        problem(at + "product", "is the same as in line " + line(before + "product"));
      }
      offers.add(offer);
    }
    return List.copyOf(offers);
  }

  private SaleFile.Offering offer(String at, Currency currency) {
    return new SaleFile.Offering(
        value(at + "product", Rules::name, NAME, null),
        value(
            at + "description",
            Rules::description,
            "a text of at most " + Rules.DESCRIPTION_MAX_CHARS + " characters",
            ""),
        yaml.at(at + "imageUrl").isPresent() ? imageUrl(at + "imageUrl") : null,
        price(at + "price", currency),
        number(at + "units", 1, Rules.ALLOCATED_MAX_UNITS, null),
        number(at + "limit", 0, Rules.LIMIT_MAX_UNITS, 0));
  }

  private String imageUrl(String path) {
    return value(
        path,
        Rules::imageUrl,
        "an http or https address, or a relative one, of at most "
            + Rules.IMAGE_URL_MAX_CHARS
            + " characters",
        null);
  }

  private long price(String path, Currency currency) {
    int digits = currency == null ? 0 : Math.max(0, currency.getDefaultFractionDigits());
    var code = currency == null ? "the currency" : currency.getCurrencyCode();
    var price =
        value(
            path,
            text -> {
              var amount = new BigDecimal(text);
              return currency == null
                  ? 0L
                  : Rules.price(amount.movePointRight(digits).longValueExact());
            },
            "an amount such as 249.00, with at most " + digits + " decimals of " + code,
            null);
    return price == null ? 0 : price;
  }

  private int number(String path, long min, long max, Integer otherwise) {
    var number =
        value(
            path,
            text -> {
              int n = Integer.parseInt(text);
              if (n < min || n > max) {
                throw new IllegalArgumentException(text);
              }
              return n;
            },
            "a whole number from " + min + " to " + max,
            otherwise);
    return number == null ? 0 : number;
  }

  private Instant opening(String text) {
    if (text.equals("now")) {
      return now;
    }
    return known(
        text.startsWith("+") ? now.plus(Durations.parse(text.substring(1))) : Instant.parse(text));
  }

  private static Function<String, Instant> closing(Instant opensAt) {
    return text ->
        known(
            text.startsWith("+") && opensAt != null
                ? opensAt.plus(Durations.parse(text.substring(1)))
                : Instant.parse(text));
  }

  private static Instant known(Instant time) {
    return Rules.time("", time.toString());
  }

  private static Duration hold(String text) {
    var hold = Durations.parse(text);
    if (hold.compareTo(HOLD_MIN) < 0
        || hold.compareTo(HOLD_MAX) > 0
        || !hold.equals(Duration.ofSeconds(hold.toSeconds()))) {
      throw new IllegalArgumentException(text);
    }
    return hold;
  }

  /** The value at a path; null and a problem where it is wrong, or missing without a default. */
  private <T> T value(String path, Function<String, T> parse, String expected, T otherwise) {
    var entry = yaml.at(path);
    if (entry.isEmpty() && otherwise != null) {
      return otherwise;
    }
    var text = entry.map(YamlFile.Entry::text);
    if (text.isEmpty()) {
      problem(path, (entry.isEmpty() ? "is missing: it must be " : "must be ") + expected);
      return null;
    }
    try {
      return parse.apply(text.get());
    } catch (IllegalArgumentException | ArithmeticException | DateTimeException | Problem e) {
      problem(path, "must be " + expected + ", not \"" + shorten(text.get()) + "\"");
      return null;
    }
  }

  private void unknownFields() {
    for (var entry : yaml.entries()) {
      boolean ofOffer = entry.path().matches("offers\\[\\d+]\\.[^.\\[]+");
      var known = ofOffer ? OFFER_FIELDS : SALE_FIELDS;
      var field = entry.path().substring(entry.path().lastIndexOf('.') + 1);
      boolean fine =
          entry.path().isEmpty()
              || entry.path().matches("offers\\[\\d+]")
              || (known.contains(field) && (ofOffer || !entry.path().contains(".")));
      if (!fine) {
        problems.add(
            "%s: there is no field %s.%s"
                .formatted(
                    yaml.where(entry),
                    field,
                    Nearest.to(field, known).map(n -> " Did you mean " + n + "?").orElse("")));
      }
    }
  }

  /** A complaint at the line of the path, or of the nearest thing around it that is there. */
  private void problem(String path, String what) {
    problems.add("%s:%d: %s %s.".formatted(yaml.file(), line(path), label(path), what));
  }

  private int line(String path) {
    Optional<YamlFile.Entry> entry = yaml.at(path);
    var around = path;
    while (entry.isEmpty() && !around.isEmpty()) {
      int cut = Math.max(around.lastIndexOf('.'), around.lastIndexOf('['));
      around = cut < 0 ? "" : around.substring(0, cut);
      entry = yaml.at(around);
    }
    return entry.map(YamlFile.Entry::line).orElse(1);
  }

  /** {@code offers[2].price} is called "price of offer 3". */
  private static String label(String path) {
    if (!path.contains("[")) {
      return path;
    }
    int number = Integer.parseInt(path.substring(path.indexOf('[') + 1, path.indexOf(']'))) + 1;
    int dot = path.indexOf('.');
    return dot < 0 ? "offer " + number : path.substring(dot + 1) + " of offer " + number;
  }

  private static String shorten(String text) {
    return text.length() <= 60 ? text : text.substring(0, 60) + "…";
  }
}
