package flashsale.deploy;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.SpecificationVersion;
import java.io.IOException;
import java.io.UncheckedIOException;

/** A JSON Schema beside the tests: what of a format the files of deploy/ may use. */
final class Schema {
  private static final ObjectMapper JSON = new ObjectMapper();

  private final com.networknt.schema.Schema rules;

  private Schema(com.networknt.schema.Schema rules) {
    this.rules = rules;
  }

  static Schema of(String file) {
    try (var in = Schema.class.getResourceAsStream(file)) {
      var registry = SchemaRegistry.withDefaultDialect(SpecificationVersion.DRAFT_2020_12);
      return new Schema(registry.getSchema(JSON.readTree(in)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void check(String what, Object document) {
    assertThat(rules.validate(JSON.valueToTree(document))).as(what).isEmpty();
  }

  boolean accepts(Object document) {
    return rules.validate(JSON.valueToTree(document)).isEmpty();
  }
}
