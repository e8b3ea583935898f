package flashsale.users;

/** What text from outside may consist of. */
final class Unicode {
  private Unicode() {}

  /**
   * Whether there is nothing in it that cannot be stored or shown: no control character (NUL and
   * line breaks included), no lone surrogate, nothing that Unicode has not assigned.
   */
  static boolean isClean(String text) {
    return text.codePoints()
        .map(Character::getType)
        .noneMatch(
            type ->
                type == Character.CONTROL
                    || type == Character.SURROGATE
                    || type == Character.UNASSIGNED
                    || type == Character.LINE_SEPARATOR
                    || type == Character.PARAGRAPH_SEPARATOR);
  }
}
