package flashsale.users;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import org.jose4j.jwk.JsonWebKey.OutputControlLevel;
import org.jose4j.jwk.OctetKeyPairJsonWebKey;
import org.jose4j.jwk.OkpJwkGenerator;
import org.jose4j.jwk.PublicJsonWebKey;
import org.jose4j.jws.AlgorithmIdentifiers;
import org.jose4j.lang.JoseException;

/**
 * The folder with the signing keys: one private JSON Web Key (RFC 8037, Ed25519) in each file
 * {@code ed25519-KID.json}, readable by the owner only, written at once or not at all. Several
 * processes may use the folder at the same time. Thread-safe.
 */
final class KeyFolder {
  /** A key pair and when it was made. */
  record Key(OctetKeyPairJsonWebKey jwk, Instant createdAt) {
    String kid() {
      return jwk.getKeyId();
    }
  }

  private static final String PREFIX = "ed25519-";
  private static final String SUFFIX = ".json";
  private static final String CREATED = "created";
  private static final int FILE_MAX_BYTES = 4_096;

  /** 96 bits of the key's thumbprint: enough to tell keys apart, short in every token. */
  private static final int KID_CHARS = 16;

  private static final Set<PosixFilePermission> OTHERS =
      EnumSet.of(
          PosixFilePermission.OTHERS_READ,
          PosixFilePermission.OTHERS_WRITE,
          PosixFilePermission.GROUP_WRITE);

  private final Path folder;

  /** Creates the folder where there is none. */
  KeyFolder(Path folder) {
    this.folder = folder;
    try {
      if (!Files.isDirectory(folder)) {
        Files.createDirectories(folder.toAbsolutePath().getParent());
        Files.createDirectory(folder, only("rwx------"));
      }
    } catch (java.nio.file.FileAlreadyExistsException e) {
      // Another process made it in this moment.
    } catch (IOException e) {
      throw new UncheckedIOException("the folder for signing keys cannot be made: " + folder, e);
    }
  }

  /**
   * The keys in the folder, newest first.
   *
   * @throws UnusableKey if a file is no key, or one that others may read
   */
  List<Key> read() {
    var keys = new ArrayList<Key>();
    try (var files = Files.newDirectoryStream(folder, PREFIX + "*" + SUFFIX)) {
      for (var file : files) {
        read(file).ifPresent(keys::add);
      }
    } catch (IOException e) {
      throw new UncheckedIOException("signing keys cannot be read from " + folder, e);
    }
    keys.sort(Comparator.comparing(Key::createdAt).thenComparing(Key::kid).reversed());
    return keys;
  }

  private static Optional<Key> read(Path file) throws IOException {
    try {
      refuseIfOpenToOthers(file);
      if (Files.size(file) > FILE_MAX_BYTES) {
        throw new JoseException("longer than " + FILE_MAX_BYTES + " bytes");
      }
      var jwk = PublicJsonWebKey.Factory.newPublicJwk(Files.readString(file));
      if (!(jwk instanceof OctetKeyPairJsonWebKey pair)
          || !pair.getSubtype().equals(OctetKeyPairJsonWebKey.SUBTYPE_ED25519)
          || pair.getPrivateKey() == null
          || pair.getKeyId() == null) {
        throw new JoseException("not an Ed25519 key pair with a kid");
      }
      var created = pair.getOtherParameterValue(CREATED, String.class);
      return Optional.of(new Key(pair, Instant.parse(created == null ? "" : created)));
    } catch (NoSuchFileException e) {
      return Optional.empty(); // Another process removed a key that had retired.
    } catch (JoseException | DateTimeException e) {
      // Without the cause: its message may repeat a part of the private key.
      throw new UnusableKey(
          "the signing key "
              + file
              + " is damaged; put it back from a copy, or remove it: tokens that it signed are"
              + " then void");
    }
  }

  private static void refuseIfOpenToOthers(Path file) throws IOException {
    if (isPosix(file) && Files.getPosixFilePermissions(file).stream().anyMatch(OTHERS::contains)) {
      throw new UnusableKey(
          "others may read or change the signing key " + file + "; run: chmod 600 " + file);
    }
  }

  /** Makes a key pair and stores it. */
  Key create(Instant createdAt) {
    try {
      var jwk = OkpJwkGenerator.generateJwk(OctetKeyPairJsonWebKey.SUBTYPE_ED25519);
      jwk.setKeyId(jwk.calculateBase64urlEncodedThumbprint("SHA-256").substring(0, KID_CHARS));
      jwk.setUse("sig");
      jwk.setAlgorithm(AlgorithmIdentifiers.EDDSA);
      jwk.setOtherParameter(CREATED, createdAt.toString());
      var key = new Key(jwk, createdAt);
      write(file(key), jwk.toJson(OutputControlLevel.INCLUDE_PRIVATE));
      return key;
    } catch (JoseException e) {
      throw new IllegalStateException("this JDK makes no Ed25519 keys", e);
    } catch (IOException e) {
      throw new UncheckedIOException("a signing key cannot be stored in " + folder, e);
    }
  }

  private void write(Path file, String text) throws IOException {
    var draft = folder.resolve(".draft-" + UUID.randomUUID());
    try {
      var options = Set.of(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
      try (var channel = FileChannel.open(draft, options, only("rw-------"))) {
        var bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
        while (bytes.hasRemaining()) {
          channel.write(bytes);
        }
        channel.force(true);
      }
      Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(draft);
    }
  }

  /** Removes the key's file; nothing happens if it is gone. */
  void remove(Key key) {
    try {
      Files.deleteIfExists(file(key));
    } catch (IOException e) {
      throw new UncheckedIOException("a retired signing key cannot be removed", e);
    }
  }

  private Path file(Key key) {
    return folder.resolve(PREFIX + key.kid() + SUFFIX);
  }

  private FileAttribute<?>[] only(String permissions) {
    return isPosix(folder.toAbsolutePath())
        ? new FileAttribute<?>[] {
          PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions))
        }
        : new FileAttribute<?>[0];
  }

  private static boolean isPosix(Path path) {
    return path.getFileSystem().supportedFileAttributeViews().contains("posix");
  }
}
