package flashsale.server;

/** Environment variables that stand for options of commands; settings have theirs by their name. */
final class Variables {
  static final String DATA_DIR = "FLASHSALE_DATA_DIR";
  static final String URL = "FLASHSALE_URL";
  static final String OPERATOR = "FLASHSALE_OPERATOR";
  static final String OPERATOR_PASSWORD = "FLASHSALE_OPERATOR_PASSWORD";

  private Variables() {}
}
