package flashsale.server;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.ids.Ids;
import java.math.BigDecimal;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.Currency;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What operators do with sales, at a running server. */
@Command(name = "sale", description = "Creates and shows sales, and decides when they are open.")
final class SaleCommand implements Runnable {
  private static final String SALES = "/api/v1/admin/sales";
  private static final String WHICH = "The sale's id, or its name if no other sale has it.";

  @Spec private CommandSpec spec;

  @Command(
      name = "create",
      description = {
        "Creates a sale with its products and offers from a YAML file, such as"
            + " examples/winter-drop.yaml.",
        "It opens at its time; a product that the catalogue has under the same name is used again."
      })
  int create(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "FILE", description = "The file.") Path file,
      @Option(names = "--draft", description = "Leave it as a draft: nobody sees it yet.")
          boolean draft) {
    var sale = SaleFile.read(file, Instant.now());
    try (var client = server.signIn()) {
      var saleId = sale.create(client);
      return show(draft ? client.get(SALES + "/" + saleId) : move(client, saleId, "schedule"));
    }
  }

  @Command(name = "schedule", description = "A draft opens and closes at its times from now on.")
  int schedule(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "SALE", description = WHICH) String sale) {
    return decide(server, sale, "schedule");
  }

  @Command(name = "open", description = "Opens a sale now, or again after a pause.")
  int open(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "SALE", description = WHICH) String sale) {
    return decide(server, sale, "open");
  }

  @Command(
      name = "pause",
      description = "No new reservations for now; what is held can still be paid.")
  int pause(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "SALE", description = WHICH) String sale) {
    return decide(server, sale, "pause");
  }

  @Command(name = "close", description = "Closes a sale for good; what is held can still be paid.")
  int close(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "SALE", description = WHICH) String sale) {
    return decide(server, sale, "close");
  }

  @Command(name = "show", description = "Shows a sale with the stock of its offers.")
  int show(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "SALE", description = WHICH) String sale) {
    try (var client = server.signIn()) {
      return show(client.get(SALES + "/" + saleId(client, sale)));
    }
  }

  @Command(name = "list", description = "Lists all sales.")
  int list(@Mixin OperatorOptions server) {
    try (var client = server.signIn()) {
      var table = new TextTable("sale", "name", "state", "opens", "closes", "offers");
      for (var sale : client.all(SALES, "sales")) {
        table.row(
            sale.path("saleId").asText(),
            sale.path("name").asText(),
            sale.path("state").asText(),
            sale.path("opensAt").asText(),
            sale.path("closesAt").asText(),
            sale.path("offerCount").asInt());
      }
      return print(table.toString());
    }
  }

  private int decide(OperatorOptions server, String sale, String transition) {
    try (var client = server.signIn()) {
      return show(move(client, saleId(client, sale), transition));
    }
  }

  private static JsonNode move(OperatorClient client, String saleId, String transition) {
    return client.post(SALES + "/" + saleId + "/" + transition, null);
  }

  /** The id that somebody means who gave an id or a name. */
  private static String saleId(OperatorClient client, String given) {
    if (Ids.parse(given).isPresent()) {
      return given;
    }
    var named =
        client.all(SALES, "sales").stream()
            .filter(sale -> sale.path("name").asText().equals(given))
            .map(sale -> sale.path("saleId").asText())
            .toList();
    if (named.size() != 1) {
      throw new CommandFailure(
          ExitCode.USAGE,
          named.isEmpty()
              ? "There is no sale \"" + given + "\"; `flashsale sale list` shows all."
              : named.size() + " sales have that name; give an id: " + String.join(", ", named));
    }
    return named.getFirst();
  }

  private int show(JsonNode sale) {
    var table = new TextTable("offer", "price", "limit", "allocated", "available", "held", "sold");
    for (var offer : sale.path("offers")) {
      int limit = offer.path("limitPerCustomer").asInt();
      table.row(
          offer.path("productName").asText(),
          price(offer),
          limit == 0 ? "-" : limit,
          offer.path("allocated").asInt(),
          offer.path("available").asInt(),
          offer.path("held").asInt(),
          offer.path("sold").asInt());
    }
    var head =
        "%s  %s%n%s, from %s to %s; units are held for %s%n%n"
            .formatted(
                sale.path("name").asText(),
                sale.path("saleId").asText(),
                sale.path("state").asText(),
                sale.path("opensAt").asText(),
                sale.path("closesAt").asText(),
                Durations.show(Duration.ofSeconds(sale.path("holdSeconds").asLong())));
    return print(head + table);
  }

  private static String price(JsonNode offer) {
    var currency = Currency.getInstance(offer.path("currency").asText());
    return BigDecimal.valueOf(
                offer.path("unitPriceMinor").asLong(),
                Math.max(0, currency.getDefaultFractionDigits()))
            .toPlainString()
        + " "
        + currency.getCurrencyCode();
  }

  private int print(String text) {
    var out = spec.commandLine().getOut();
    out.print(text);
    out.flush();
    return ExitCode.OK.code();
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "What about the sale? One of "
            + spec.subcommands().keySet().stream().sorted().collect(Collectors.joining(", ")));
  }
}
