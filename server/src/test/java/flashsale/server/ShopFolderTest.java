package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ShopFolderTest {
  private static final URI URL = URI.create("http://127.0.0.1:12345");

  @TempDir private Path folder;

  @Test
  void itIsMadeForItsOwnerOnly() throws IOException {
    var made = folder.resolve("a/b/data");

    try (var directory = ShopFolder.open(made)) {
      assertThat(directory.folder()).isEqualTo(made.toRealPath());
      assertThat(mode(made)).isEqualTo("rwx------");
    }
  }

  @Test
  void anExistingOneIsClosedToOthers() throws IOException {
    ShopFolder.open(folder).close();
    Files.setPosixFilePermissions(folder, PosixFilePermissions.fromString("rwxr-xr-x"));

    ShopFolder.open(folder).close();

    assertThat(mode(folder)).isEqualTo("rwx------");
  }

  @Test
  void aSecondServerIsRefusedWithTheFirstOnesProcessAndAddress() throws Exception {
    try (var directory = ShopFolder.open(folder)) {
      directory.announce(URL);

      var second = ChildProcess.of(Main.class, "migrate", "--data-dir", folder.toString());

      assertThat(second.exitCode()).isEqualTo(ExitCode.ALREADY_RUNNING.code());
      assertThat(second.errors())
          .contains("in use by the server at " + URL)
          .contains("process " + ProcessHandle.current().pid())
          .contains("--data-dir");
    }
  }

  @Test
  void aSecondOneInTheSameProcessIsRefusedToo() {
    try (var directory = ShopFolder.open(folder)) {
      var refused =
          catchThrowableOfType(
              CommandFailure.class, () -> ShopFolder.open(directory.folder()).close());

      assertThat(refused.exitCode()).isEqualTo(ExitCode.ALREADY_RUNNING);
    }
    ShopFolder.open(folder).close();
  }

  @Test
  void theDeathOfTheOwnerEndsTheOwnership() throws Exception {
    try (var owner = ChildProcess.start(ShopFolderOwner.class, folder.toString())) {
      assertThat(owner.nextLine()).isEqualTo(URL.toString());
      assertThat(ShopFolder.server(folder).orElseThrow().pid()).isEqualTo(owner.pid());

      owner.kill();

      assertThat(ShopFolder.server(folder)).isEmpty();
      ShopFolder.open(folder).close();
    }
  }

  @Test
  void aRunningServerIsFoundUntilItStops() {
    try (var directory = ShopFolder.open(folder)) {
      assertThat(ShopFolder.server(folder)).isEmpty();
      directory.announce(URL);

      var server = ShopFolder.server(folder).orElseThrow();

      assertThat(server.url()).isEqualTo(URL);
      assertThat(server.pid()).isEqualTo(ProcessHandle.current().pid());
      assertThat(ShopFolder.server(folder)).as("looking took nothing away").isPresent();
    }
    assertThat(ShopFolder.server(folder)).isEmpty();
    assertThat(ShopFolder.server(folder.resolve("none"))).isEmpty();
  }

  @Test
  void somebodyElsesFolderIsLeftAlone() throws IOException {
    Files.writeString(folder.resolve("thesis.txt"), "years of work");
    var before = mode(folder);

    var refused = catchThrowableOfType(CommandFailure.class, () -> ShopFolder.open(folder).close());

    assertThat(refused.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(refused).hasMessageContaining("thesis.txt");
    assertThat(mode(folder)).isEqualTo(before);
    assertThat(folder).isDirectoryNotContaining("glob:**lock");
  }

  @Test
  void aFolderWithOnlyAConfigurationBecomesADataDirectory() throws IOException {
    Files.writeString(folder.resolve("application.yaml"), "http:\n");

    ShopFolder.open(folder).close();

    assertThat(folder.resolve("application.yaml")).exists();
  }

  @Test
  void theOperatorsAccountMayBePutThereBeforehand() throws IOException {
    var file = folder.resolve("operator.json");
    Files.writeString(file, "{\"email\": \"me@example.com\", \"password\": \"from elsewhere\"}\n");

    try (var directory = ShopFolder.open(folder)) {
      assertThat(OperatorAccount.findOrInvent(directory).email()).isEqualTo("me@example.com");
    }
  }

  @Test
  void aLayoutOfALaterVersionIsRefused() throws IOException {
    Files.writeString(folder.resolve("layout"), "2\n");

    var refused = catchThrowableOfType(CommandFailure.class, () -> ShopFolder.open(folder).close());

    assertThat(refused.exitCode()).isEqualTo(ExitCode.ENVIRONMENT);
    assertThat(refused).hasMessageContaining("layout 2");
  }

  @Test
  void whatIsNoFolderIsRefused() throws IOException {
    var file = Files.createFile(folder.resolve("file"));

    var refused = catchThrowableOfType(CommandFailure.class, () -> ShopFolder.open(file).close());
    var below =
        catchThrowableOfType(
            CommandFailure.class, () -> ShopFolder.open(file.resolve("data")).close());

    assertThat(refused.exitCode()).isEqualTo(ExitCode.USAGE);
    assertThat(below.exitCode()).isEqualTo(ExitCode.ENVIRONMENT);
  }

  @Test
  void theOperatorsAccountIsInventedOnceAndForItsOwnerOnly() throws IOException {
    try (var directory = ShopFolder.open(folder)) {
      assertThat(OperatorAccount.find(folder)).isEmpty();

      var invented = OperatorAccount.findOrInvent(directory);

      assertThat(OperatorAccount.findOrInvent(directory)).isEqualTo(invented);
      assertThat(OperatorAccount.find(folder)).contains(invented);
      assertThat(mode(folder.resolve("operator.json"))).isEqualTo("rw-------");
      assertThat(invented.password()).hasSizeGreaterThan(30);
      assertThat(invented.toString()).doesNotContain(invented.password());
    }
  }

  @Test
  void anOperatorsAccountThatCannotBeReadSaysWhatItMustBe() throws IOException {
    Files.writeString(folder.resolve("operator.json"), "{\"email\": 5 oops");

    var refused = catchThrowableOfType(CommandFailure.class, () -> OperatorAccount.find(folder));

    assertThat(refused.exitCode()).isEqualTo(ExitCode.ENVIRONMENT);
    assertThat(refused).hasMessageContaining("operator.json must be");
  }

  private static String mode(Path file) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(file));
  }
}
