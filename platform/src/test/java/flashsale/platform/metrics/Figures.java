package flashsale.platform.metrics;

/** What the metrics tell, as a scraper reads it. */
public final class Figures {
  private Figures() {}

  /** The sum of all series of this name, or of one: {@code flashsale_peer_down{peer="users"}}. */
  public static double of(Meters meters, String series) {
    return meters
        .scrape()
        .lines()
        .filter(line -> line.startsWith(series + "{") || line.startsWith(series + " "))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' '))))
        .sum();
  }
}
