package flashsale.platform.messaging;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.stream.Collectors;

/** A failure in as many words as a dead letter keeps. */
record FailureText(String reason, String stack) {
  static final int REASON_MAX_CHARS = 500;
  static final int STACK_MAX_LINES = 10;

  /** A line may hold a whole statement, or what a client sent. */
  private static final int LINE_MAX_CHARS = 500;

  static FailureText of(Throwable failure) {
    var trace = new StringWriter();
    failure.printStackTrace(new PrintWriter(trace));
    return new FailureText(
        kept(failure.toString(), REASON_MAX_CHARS),
        trace
            .toString()
            .lines()
            .limit(STACK_MAX_LINES)
            .map(line -> kept(line, LINE_MAX_CHARS))
            .collect(Collectors.joining("\n")));
  }

  /** Without the character that no database keeps, and without half of a pair at the end. */
  static String kept(String text, int maxChars) {
    var clean = text.replace('\0', '?');
    if (clean.length() <= maxChars) {
      return clean;
    }
    int end = Character.isHighSurrogate(clean.charAt(maxChars - 1)) ? maxChars - 1 : maxChars;
    return clean.substring(0, end);
  }
}
