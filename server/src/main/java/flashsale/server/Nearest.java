package flashsale.server;

import java.util.Collection;
import java.util.Comparator;
import java.util.Locale;
import java.util.Optional;

/** Finds what somebody who mistyped a name probably meant. */
final class Nearest {
  /** Up to a third of the letters may be wrong. */
  private static final int LETTERS_PER_MISTAKE = 3;

  private Nearest() {}

  /** The known name that is the fewest edits away, if that is few. Case, - and _ do not count. */
  static Optional<String> to(String given, Collection<String> known) {
    var plain = plain(given);
    return known.stream()
        .filter(k -> distance(plain, plain(k)) <= Math.max(1, plain.length() / LETTERS_PER_MISTAKE))
        .min(Comparator.comparingInt(k -> distance(plain, plain(k))));
  }

  private static String plain(String name) {
    return name.toLowerCase(Locale.ROOT).replaceAll("[-_]", "");
  }

  /** Levenshtein's: insertions, deletions and replacements of one letter. */
  static int distance(String a, String b) {
    var before = new int[b.length() + 1];
    for (int j = 0; j < before.length; j++) {
      before[j] = j;
    }
    for (int i = 1; i <= a.length(); i++) {
      var row = new int[b.length() + 1];
      row[0] = i;
      for (int j = 1; j < row.length; j++) {
        int replaced = before[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
        row[j] = Math.min(replaced, Math.min(before[j], row[j - 1]) + 1);
      }
      before = row;
    }
    return before[b.length()];
  }
}
