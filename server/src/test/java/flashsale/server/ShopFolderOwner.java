package flashsale.server;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;

/** A process that owns a data directory until it is killed or its input ends. */
final class ShopFolderOwner {
  private ShopFolderOwner() {}

  public static void main(String[] args) throws IOException {
    try (var directory = ShopFolder.open(Path.of(args[0]))) {
      var url = URI.create("http://127.0.0.1:12345");
      directory.announce(url);
      System.out.println(url);
      System.in.readAllBytes();
    }
  }
}
