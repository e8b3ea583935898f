package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.EmbeddedPostgres;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The operators' commands beside a shop that runs on the same data directory. */
class CommandsTest {
  private static final String NAME = "Test sale";

  @TempDir private static Path folder;
  private static ShopFolder directory;
  private static Shop shop;
  private static String data;

  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();

  @BeforeAll
  static void aShop() {
    data = folder.resolve("data").toString();
    // Before the first start, so that it also shows what a fresh directory gets.
    var migrated = new StringWriter();
    var code =
        Main.commandLine()
            .setOut(new PrintWriter(migrated, true))
            .execute("migrate", "--data-dir", data);
    assertThat(code).isZero();
    assertThat(migrated.toString().lines())
        .hasSameSizeAs(RoleDatabases.ROLES)
        .allMatch(line -> line.matches("[a-z]+: applied V1 [a-z]+(, V\\d+ [a-z ]+)*"));

    var config =
        new ConfigReader()
            .flag("http.port", "0", "--port")
            .flag("users.hashWaitMax", "30s", "--set")
            .read()
            .config();
    directory = ShopFolder.open(Path.of(data));
    shop = Shop.start(config, directory, (method, route, path, status, nanos, id) -> {}, false);
  }

  @AfterAll
  static void stop() {
    if (shop != null) {
      shop.close();
    }
    if (directory != null) {
      directory.close();
    }
  }

  @Test
  void aSaleFromAFileIsOpenAtItsTimeAndCanBeDecidedUpon() throws IOException {
    assertThat(sale("create", file(NAME).toString())).isZero();
    assertThat(out.toString())
        .startsWith(NAME)
        .contains("OPEN, from ", "units are held for 10m")
        .containsPattern("Parka +349.00 EUR +1 +50 +50 +0 +0");

    assertThat(sale("pause", NAME)).isZero();
    assertThat(out.toString()).contains("PAUSED");
    assertThat(sale("open", NAME)).isZero();
    assertThat(out.toString()).contains("OPEN");
    assertThat(sale("list")).isZero();
    assertThat(out.toString()).contains(NAME);
    assertThat(sale("close", NAME)).isZero();
    assertThat(out.toString()).contains("CLOSED");
    assertThat(sale("show", NAME)).isZero();

    assertThat(sale("open", NAME)).isEqualTo(ExitCode.FAILED.code());
    assertThat(err.toString()).contains("ILLEGAL_TRANSITION").contains("409").contains("request ");
  }

  @Test
  void aDraftStaysOneUntilItIsScheduled() throws IOException {
    assertThat(sale("create", "--draft", file("Draft sale").toString())).isZero();
    assertThat(out.toString()).contains("DRAFT");
    assertThat(sale("schedule", "Draft sale")).isZero();
    assertThat(out.toString()).contains("OPEN");
  }

  @Test
  void aNameThatNoSaleOrSeveralHaveIsAWrongArgument() throws IOException {
    assertThat(sale("show", "No such sale")).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("There is no sale").contains("flashsale sale list");

    assertThat(sale("create", file("Twin").toString())).isZero();
    assertThat(sale("create", file("Twin").toString())).isZero();
    assertThat(sale("show", "Twin")).isEqualTo(ExitCode.USAGE.code());
    assertThat(err.toString()).contains("2 sales have that name");
  }

  @Test
  void aProductOfTheSameNameIsUsedAgain() throws IOException {
    assertThat(sale("create", file("First").toString())).isZero();
    assertThat(sale("create", file("Second").toString())).isZero();

    try (var client =
        OperatorClient.signIn(shop.url(), OperatorAccount.find(directory.folder()).orElseThrow())) {
      assertThat(client.all("/api/v1/products", "products"))
          .filteredOn(product -> product.path("name").asText().equals("Parka"))
          .hasSize(1);
    }
  }

  @Test
  void anOperatorIsCreatedBesideTheRunningShopAndMaySignIn() throws IOException {
    var password = Files.writeString(folder.resolve("password"), "a long password\n").toString();
    var email = "boss@shop.example.com";

    assertThat(run("user", "create", "--operator", "--email", email, "--password-file", password))
        .isZero();
    assertThat(out.toString()).isEqualTo("Created the operator " + email + "\n");
    assertThat(sale("list", "--operator", email, "--password-file", password)).isZero();
    assertThat(
            sale(
                "list",
                "--url",
                shop.url().toString(),
                "--operator",
                email,
                "--password-file",
                password))
        .isZero();

    assertThat(run("user", "create", "--email", email, "--password-file", password))
        .isEqualTo(ExitCode.FAILED.code());
    assertThat(err.toString()).contains("EMAIL_TAKEN");
  }

  @Test
  void aCustomerIsNoOperator() throws IOException {
    var password = Files.writeString(folder.resolve("secret"), "another password\n").toString();
    var email = "somebody@shop.example.com";

    assertThat(run("user", "create", "--email", email, "--password-file", password)).isZero();

    assertThat(sale("list", "--operator", email, "--password-file", password))
        .isEqualTo(ExitCode.FAILED.code());
    assertThat(err.toString()).contains("customer, not an operator");
  }

  @Test
  void aWrongPasswordIsSaid() throws IOException {
    var password = Files.writeString(folder.resolve("wrong"), "not the password\n").toString();

    assertThat(sale("list", "--operator", "boss@shop.example.com", "--password-file", password))
        .isEqualTo(ExitCode.FAILED.code());
    assertThat(err.toString()).contains("401 BAD_CREDENTIALS");
  }

  @Test
  void theAuditTellsItsVerdict() {
    assertThat(run("audit")).isZero();
    assertThat(out.toString()).contains("allocated = available + held + sold").contains("OK: ");
    assertThat(run("audit", "--json")).isZero();
    assertThat(out.toString()).startsWith("{\"verdict\":\"OK\"");
    assertThat(run("audit", "no-id")).isEqualTo(ExitCode.USAGE.code());
  }

  @Test
  void aDeadLetterIsListedShownReplayedAndDiscarded() throws Exception {
    var id = Ids.next();
    poison(id);
    await().until(() -> run("deadletters", "show", id.toString()) == 0);
    assertThat(out.toString()).contains("PARKED, BAD_INPUT after 1 attempts", "no JSON");
    assertThat(run("deadletters", "show", "--json", id.toString())).isZero();
    assertThat(out.toString()).startsWith("{\"deadLetter\":{\"id\":\"" + id);
    assertThat(run("deadletters", "list", "--role", "orders", "--category", "BAD_INPUT")).isZero();
    assertThat(out.toString()).contains(id.toString());
    assertThat(run("deadletters", "list", "--state", "DISCARDED", "--json")).isZero();
    assertThat(out.toString()).isEqualTo("{\"deadLetters\":[]}\n");

    assertThat(run("deadletters", "replay", id.toString())).isZero();
    assertThat(out.toString()).contains("replayed 1 times").containsPattern("REPLAY +[0-9a-f]{8}-");
    await()
        .untilAsserted(
            () -> {
              run("deadletters", "show", id.toString());
              assertThat(out.toString()).contains("PARKED, BAD_INPUT after 2 attempts");
            });
    assertThat(run("deadletters", "replay", "--role", "payments", "--category", "DEPENDENCY_DOWN"))
        .isZero();
    assertThat(out.toString()).startsWith("Replayed 0;");
    assertThat(run("deadletters", "discard", id.toString())).isZero();
    assertThat(out.toString()).contains("DISCARDED");

    assertThat(run("deadletters", "discard", id.toString())).isEqualTo(ExitCode.FAILED.code());
    assertThat(err.toString()).contains("409 DEAD_LETTER_NOT_PARKED");
    assertThat(run("deadletters", "replay")).isEqualTo(ExitCode.USAGE.code());
    assertThat(run("deadletters", "show", "no-id")).isEqualTo(ExitCode.USAGE.code());
    assertThat(run("deadletters", "list", "--role", "a b")).isEqualTo(ExitCode.USAGE.code());
    assertThat(run("deadletters")).isEqualTo(ExitCode.USAGE.code());
  }

  private static void poison(UUID id) throws SQLException {
    var login = EmbeddedPostgres.running(directory.folder(), "orders").orElseThrow();
    try (var connection = DriverManager.getConnection(login.url(), login.user(), login.password());
        var statement =
            connection.prepareStatement(
                "INSERT INTO outbox (id, key, envelope, due_at) VALUES (?, ?, 'no JSON', now())")) {
      statement.setObject(1, id);
      statement.setObject(2, id);
      statement.executeUpdate();
    }
  }

  @Test
  void aRunningShopTakesARotatedKeyWithoutARestart() throws Exception {
    assertThat(run("keys", "list")).isZero();
    var before = out.toString().lines().filter(line -> line.endsWith("signs")).toList();
    assertThat(before).hasSize(1);
    var old = before.getFirst().split(" ", -1)[0];

    assertThat(run("keys", "rotate")).isZero();

    var made = out.toString().split(" ", -1)[2];
    assertThat(made).isNotEqualTo(old);
    assertThat(out.toString()).containsPattern(old + " .*verifies until");
    await().untilAsserted(() -> assertThat(signingKey()).isEqualTo(made));
    try (var client = signIn()) {
      assertThat(client.get("/api/v1/admin/sales").path("sales").isArray()).isTrue();
    }
  }

  private static String signingKey() {
    try (var client = signIn()) {
      return client.get("/.well-known/jwks.json").path("keys").path(0).path("kid").asText();
    }
  }

  private static OperatorClient signIn() {
    return OperatorClient.signIn(
        shop.url(), OperatorAccount.find(directory.folder()).orElseThrow());
  }

  @Test
  void withoutKeysThereIsNothingToRotate() {
    var fresh = folder.resolve("fresh");

    assertThat(execute("keys", "rotate", "--data-dir", fresh.toString()))
        .isEqualTo(ExitCode.USAGE.code());
    assertThat(fresh).doesNotExist();
  }

  @Test
  void nothingElseMayTakeTheDataDirectory() {
    assertThat(run("migrate")).isEqualTo(ExitCode.ALREADY_RUNNING.code());
    assertThat(err.toString()).contains(shop.url().toString());
  }

  @Test
  void aPortThatIsTakenIsSaidInOneLine() {
    var other = folder.resolve("other").toString();

    var code =
        execute("serve", "--data-dir", other, "--port", Integer.toString(shop.url().getPort()));

    assertThat(code).isEqualTo(ExitCode.ENVIRONMENT.code());
    assertThat(err.toString().lines()).hasSize(1).first().asString().contains("Cannot listen on");
  }

  private static Path file(String name) throws IOException {
    return Files.writeString(
        folder.resolve("sale.yaml"),
        """
        name: %s
        opensAt: now
        closesAt: +1h
        currency: EUR
        offers:
          - product: Parka
            price: 349.00
            units: 50
            limit: 1
        """
            .formatted(name));
  }

  private int sale(String command, String... arguments) {
    return run(
        Stream.concat(Stream.of("sale", command), Stream.of(arguments)).toArray(String[]::new));
  }

  private int run(String... arguments) {
    return execute(
        Stream.concat(Stream.of(arguments), Stream.of("--data-dir", data)).toArray(String[]::new));
  }

  private int execute(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return Main.commandLine()
        .setOut(new PrintWriter(out, true))
        .setErr(new PrintWriter(err, true))
        .execute(arguments);
  }
}
