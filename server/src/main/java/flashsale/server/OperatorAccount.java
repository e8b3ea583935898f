package flashsale.server;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.http.Problem;
import flashsale.platform.json.Json;
import flashsale.users.Users;
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
 * {"email":…,"password":…}}, mode 600. Where several processes have the users' role, the same file
 * is put into the folder of each before its first start. After a change of that password the file
 * is to be written anew; commands take another account with {@code --operator}.
 */
public record OperatorAccount(String email, String password) {
  static final String FILE = "operator.json";

  /** A name that no mail ever reaches: the top level is reserved by RFC 2606. */
  private static final String EMAIL = "operator@flashsale.localhost";

  private static final int RANDOM_BYTES = 24;
  private static final int ATTEMPTS_MAX = 10;

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
   * Sees to it that the file and the account are both there and go together. The file is written
   * first, so that a crash between the two is made good by the next start.
   *
   * @throws CommandFailure ENVIRONMENT if the account has another password than the file
   */
  static void ensure(ShopFolder directory, Users users) {
    var file = directory.folder().resolve(FILE);
    var found = find(directory.folder());
    var account = findOrInvent(directory);
    for (int attempt = 1; ; attempt++) {
      try {
        if (!account.isThere(users)) {
          if (found.isEmpty()) {
            delete(
                file); // Or the next start would take the password just invented for the lost one.
          }
          throw account.lockedOut(file, found.isEmpty());
        }
        return;
      } catch (Problem e) {
        // The very first hash also loads the native library: on a busy machine that may be slow.
        if (e.status() != 503 || attempt >= ATTEMPTS_MAX) {
          throw e;
        }
      }
    }
  }

  /** The account of a data directory; at the first time it is invented, and kept in the file. */
  static OperatorAccount findOrInvent(ShopFolder directory) {
    return find(directory.folder()).orElseGet(() -> invent(directory.folder().resolve(FILE)));
  }

  private boolean isThere(Users users) {
    try {
      users.createOperator(email, password);
      return true;
    } catch (Problem e) {
      if (e.code().equals("EMAIL_TAKEN")) {
        return users.knows(email, password);
      }
      throw e;
    }
  }

  private CommandFailure lockedOut(Path file, boolean missing) {
    return new CommandFailure(
        ExitCode.ENVIRONMENT,
        """
        %s %s of %s. Put the file back from a copy, or take another operator:
          flashsale user create --operator --email EMAIL   (with the same --data-dir)
        and write that one's {"email": …, "password": …} into %s, mode 600."""
            .formatted(
                file,
                missing ? "is missing, and nobody else knows the password" : "has not the password",
                email,
                file));
  }

  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
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
