package flashsale.server;

import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** What a process can be; one that is all of it needs no other. */
enum Role {
  USERS,
  CATALOG,
  INVENTORY,
  RESERVATIONS,
  ORDERS,
  PAYMENTS;

  /** In {@code process.roles}, for all of them. */
  static final String ALL = "all";

  /** As in settings, addresses, tables and metrics. */
  String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  /**
   * Reads {@code all} or some names separated by commas.
   *
   * @throws IllegalArgumentException with a sentence, if that is not what it is
   */
  static Set<Role> parse(String text) {
    var names = Arrays.stream(text.split(",")).map(String::strip).toList();
    if (names.equals(List.of(ALL))) {
      return EnumSet.allOf(Role.class);
    }
    return names.stream()
        .map(Role::one)
        .collect(Collectors.toCollection(() -> EnumSet.noneOf(Role.class)));
  }

  private static Role one(String name) {
    return Arrays.stream(values())
        .filter(role -> role.text().equals(name))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "There is no role '%s': all, or some of %s, separated by commas.%s"
                        .formatted(
                            name,
                            names(),
                            Nearest.to(name, names())
                                .map(n -> " Did you mean " + n + "?")
                                .orElse(""))));
  }

  private static List<String> names() {
    return Arrays.stream(values()).map(Role::text).toList();
  }
}
