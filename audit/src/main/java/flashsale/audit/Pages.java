package flashsale.audit;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.function.Function;

/** Rows of one role in the order of their reservation ids, fetched page by page. */
final class Pages<T> {
  private final Function<Optional<UUID>, List<T>> fetch;
  private final Function<T, UUID> key;
  private List<T> page = List.of();
  private int at;
  private boolean ended;
  private Optional<UUID> last = Optional.empty();
  long read;

  /**
   * @param fetch the next rows after an id; an empty page is the end
   */
  Pages(Function<Optional<UUID>, List<T>> fetch, Function<T, UUID> key) {
    this.fetch = fetch;
    this.key = key;
  }

  /** The id of the next row. */
  Optional<UUID> peek() {
    if (at == page.size() && !ended) {
      page = fetch.apply(last);
      at = 0;
      ended = page.isEmpty();
      read += page.size();
      last = ended ? last : Optional.of(key.apply(page.getLast()));
    }
    return ended ? Optional.empty() : Optional.of(key.apply(page.get(at)));
  }

  /** The next row if it is this id's, else null. */
  T take(UUID id) {
    return peek().filter(id::equals).isPresent() ? page.get(at++) : null;
  }

  /** All rows of this id. */
  List<T> takeAll(UUID id) {
    var rows = new ArrayList<T>(1);
    for (var row = take(id); row != null; row = take(id)) {
      rows.add(row);
    }
    return rows;
  }
}
