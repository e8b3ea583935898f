package flashsale.server;

import flashsale.platform.http.Routes;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/** A whole shop inside the test's own process, made of the same parts as the program's. */
public final class ServedShop implements AutoCloseable {
  private final ShopFolder directory;
  private final Shop shop;

  private ServedShop(ShopFolder directory, Shop shop) {
    this.directory = directory;
    this.shop = shop;
  }

  /**
   * Starts a shop on any free port.
   *
   * @param folder its data directory, kept when it is closed
   * @param settings names of {@link ConfigKeys} and their text
   */
  public static ServedShop start(Path folder, Map<String, String> settings) {
    Logging.toConsole();
    var reader = new ConfigReader().flag("http.port", "0", "test");
    settings.forEach((name, text) -> reader.flag(name, text, "test"));
    var config = reader.read().config();
    var directory = ShopFolder.open(folder);
    try {
      return new ServedShop(
          directory, Shop.start(config, directory, (m, r, p, s, nanos, id) -> {}, false));
    } catch (RuntimeException e) {
      directory.close();
      throw e;
    }
  }

  public URI url() {
    return shop.url();
  }

  /** Everything that it serves. */
  public List<Routes.Route> routes() {
    return shop.routes().all();
  }

  @Override
  public void close() {
    try {
      shop.close();
    } finally {
      directory.close();
    }
  }
}
