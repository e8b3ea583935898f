package flashsale.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.Optional;

/**
 * The operator whom the server makes for itself at its first start, so that the commands of whoever
 * owns the data directory can sign in: {@code DATA_DIR/operator.json}, {@code
 * {"email":…,"password":…}}, mode 600. After a change of that password the file is to be written
 * anew; commands take another account with {@code --operator}.
 */
public record OperatorAccount(String email, String password) {
  private static final String FILE = "operator.json";

  /** A name that no mail ever reaches: the top level is reserved by RFC 2606. */
  private static final String EMAIL = "operator@flashsale.localhost";

  private static final int RANDOM_BYTES = 24;

  /** The account of a data directory, if its server has been started before. */
  public static Optional<OperatorAccount> find(Path dataDir) {
    var file = dataDir.resolve(FILE);
    try {
      return Files.exists(file)
          ? Optional.of(Json.tolerant().readValue(Files.readString(file), OperatorAccount.class))
          : Optional.empty();
    } catch (JsonProcessingException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          file + " must be {\"email\": …, \"password\": …}, and is not: " + Json.explain(e),
          e);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * The account of a data directory. At the first time it is invented and kept; the caller then
   * makes the account itself, also when it was invented before a crash.
   */
  public static OperatorAccount findOrInvent(DataDirectory directory) {
    return find(directory.folder()).orElseGet(() -> invent(directory.folder().resolve(FILE)));
  }

  private static OperatorAccount invent(Path file) {
    var random = new byte[RANDOM_BYTES];
    new SecureRandom().nextBytes(random);
    var account =
        new OperatorAccount(EMAIL, Base64.getUrlEncoder().withoutPadding().encodeToString(random));
    try {
      PrivateFile.write(file, Json.text(account) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return account;
  }

  /** Without the password. */
  @Override
  public String toString() {
    return email;
  }
}
