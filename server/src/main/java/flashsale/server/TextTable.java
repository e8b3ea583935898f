package flashsale.server;

import java.util.ArrayList;
import java.util.List;

/** Rows of text in columns, for terminals. Columns that hold only figures are right-aligned. */
public final class TextTable {
  private static final String GAP = "  ";

  private final List<List<String>> rows = new ArrayList<>();

  public TextTable(String... head) {
    rows.add(List.of(head));
  }

  /** Adds a row with as many cells as the head has. */
  public TextTable row(Object... cells) {
    if (cells.length != rows.getFirst().size()) {
      throw new IllegalArgumentException(cells.length + " cells under " + rows.getFirst());
    }
    var row = new ArrayList<String>(cells.length);
    for (var cell : cells) {
      row.add(String.valueOf(cell));
    }
    rows.add(row);
    return this;
  }

  /** The table with a line end after each row. */
  @Override
  public String toString() {
    var text = new StringBuilder();
    for (var row : rows) {
      var line = new StringBuilder();
      for (int i = 0; i < row.size(); i++) {
        line.append(i == 0 ? "" : GAP).append(padded(row.get(i), i));
      }
      text.append(line.toString().stripTrailing()).append('\n');
    }
    return text.toString();
  }

  private String padded(String cell, int column) {
    int width = rows.stream().mapToInt(r -> length(r.get(column))).max().orElse(0);
    var padding = " ".repeat(width - length(cell));
    return figures(column) ? padding + cell : cell + padding;
  }

  private boolean figures(int column) {
    return rows.size() > 1
        && rows.stream().skip(1).allMatch(r -> r.get(column).matches("[-+]?[\\d,.]+%?|-"));
  }

  private static int length(String cell) {
    return cell.codePointCount(0, cell.length());
  }
}
