package flashsale.server;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * A YAML file as the list of all that stands in it, each under its path ({@code offers[3].price})
 * and with its line, so that every complaint can say where. Values are kept as the text that was
 * written: 249.00 stays 249.00, and what type it is to be is the reader's business.
 */
final class YamlFile {
  private static final long FILE_MAX_BYTES = 1 << 20;
  private static final int NESTING_MAX = 8;

  /** What an entry is. */
  enum Shape {
    VALUE,
    NOTHING,
    LIST,
    MAP
  }

  /** One entry; the text is null unless it is a VALUE. */
  record Entry(String path, Shape shape, String text, int line) {}

  /** A file that cannot be read or is no YAML; the message names file and line. */
  static final class Malformed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    Malformed(String message) {
      super(message);
    }
  }

  private final Path file;
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private YamlFile(Path file) {
    this.file = file;
  }

  /**
   * Reads a file.
   *
   * @throws Malformed if that cannot be done
   */
  static YamlFile read(Path file) {
    var yaml = new YamlFile(file);
    try {
      if (Files.size(file) > FILE_MAX_BYTES) {
        throw new Malformed(file + " has more than " + FILE_MAX_BYTES + " bytes.");
      }
      try (var parser = new YAMLFactory().createParser(Files.readString(file))) {
        yaml.document(parser);
      }
    } catch (JsonProcessingException e) {
      var at = e.getLocation();
      throw new Malformed(
          "%s:%d is no YAML: %s"
              .formatted(file, at == null ? 1 : at.getLineNr(), firstLine(e.getOriginalMessage())));
    } catch (IOException e) {
      throw new Malformed(
          "%s cannot be read: %s"
              .formatted(file, Files.exists(file) ? e.getMessage() : "there is no such file"));
    }
    return yaml;
  }

  /** Everything in the order of the file. */
  Collection<Entry> entries() {
    return entries.values();
  }

  Optional<Entry> at(String path) {
    return Optional.ofNullable(entries.get(path));
  }

  /** How many elements the list at this path has; 0 if there is no list. */
  int size(String path) {
    int size = 0;
    while (entries.containsKey(path + "[" + size + "]")) {
      size++;
    }
    return size;
  }

  /** {@code file:line}, for messages. */
  String where(Entry entry) {
    return file + ":" + entry.line();
  }

  Path file() {
    return file;
  }

  private void document(JsonParser parser) throws IOException {
    if (parser.nextToken() != null) {
      value(parser, "", line(parser), 0);
    }
    if (parser.nextToken() != null) {
      throw new Malformed(file + ":" + line(parser) + " begins a second document.");
    }
  }

  private void value(JsonParser parser, String path, int line, int depth) throws IOException {
    if (depth > NESTING_MAX) {
      throw new Malformed(file + ":" + line + " is nested too deeply.");
    }
    switch (parser.currentToken()) {
      case START_OBJECT -> {
        add(path, Shape.MAP, null, line);
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          int fieldLine = line(parser);
          var name = path.isEmpty() ? parser.currentName() : path + "." + parser.currentName();
          parser.nextToken();
          value(parser, name, fieldLine, depth + 1);
        }
      }
      case START_ARRAY -> {
        add(path, Shape.LIST, null, line);
        for (int i = 0; parser.nextToken() != JsonToken.END_ARRAY; i++) {
          value(parser, path + "[" + i + "]", line(parser), depth + 1);
        }
      }
      case VALUE_NULL -> add(path, Shape.NOTHING, null, line);
      default -> add(path, Shape.VALUE, parser.getText(), line);
    }
  }

  private void add(String path, Shape shape, String text, int line) {
    var before = entries.putIfAbsent(path, new Entry(path, shape, text, line));
    if (before != null) {
      throw new Malformed(
          "%s:%d says %s again, after line %d.".formatted(file, line, path, before.line()));
    }
  }

  private static int line(JsonParser parser) {
    return parser.currentTokenLocation().getLineNr();
  }

  private static String firstLine(String message) {
    return message.lines().findFirst().orElse("");
  }
}
