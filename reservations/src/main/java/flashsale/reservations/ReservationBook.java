package flashsale.reservations;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import flashsale.contracts.AuditRow;
import flashsale.contracts.Fact;
import flashsale.contracts.Fact.OrderCancelled;
import flashsale.contracts.Fact.OrderPaid;
import flashsale.contracts.Fact.OrderPlaced;
import flashsale.contracts.Fact.ReservationRequested;
import flashsale.contracts.Fact.ReservationSettled;
import flashsale.contracts.Fact.StockRefused;
import flashsale.contracts.Fact.StockReturned;
import flashsale.contracts.Line;
import flashsale.contracts.Refusal;
import flashsale.contracts.ReservationState;
import flashsale.contracts.Reservations;
import flashsale.platform.batching.Overloaded;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.Changes;
import flashsale.platform.messaging.Envelopes;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.persistence.Columns;
import flashsale.platform.persistence.Database;
import java.io.UncheckedIOException;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.time.Instant;
import java.time.InstantSource;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;

/**
 * What the customers asked for and where it stands. A reservation's state only ever moves forward:
 * PENDING, HELD, CONFIRMED, then REFUSED, RELEASED or EXPIRED; a fact that comes late or again
 * changes nothing and is answered with the row as it is. Thread-safe.
 */
public final class ReservationBook implements Reservations {
  private static final UUID BEFORE_ALL = new UUID(0, 0);
  private static final TypeReference<List<Line>> LINES = new TypeReference<>() {};

  /** The row. {@code reason}, {@code offerId} and {@code available} only where it was refused. */
  record Row(
      UUID reservationId,
      UUID customerId,
      ReservationState state,
      UUID orderId,
      List<Line> lines,
      long totalMinor,
      String currency,
      String fingerprint,
      Refusal reason,
      UUID offerId,
      Integer available,
      Instant expiresAt) {

    /**
     * Refused, and without a fingerprint, which those have who can ask again: with their key, or at
     * the address that they were given with 202. Nothing was taken and nothing has to be known
     * later, so it is not written.
     */
    boolean nobodyAsksAgain() {
      return state == ReservationState.REFUSED && fingerprint.isEmpty();
    }

    /** The request that made this row, while it is PENDING. */
    ReservationRequested requested(Instant at) {
      return new ReservationRequested(reservationId, customerId, lines, currency, fingerprint, at);
    }

    ReservationSettled settled() {
      return new ReservationSettled(
          reservationId,
          customerId,
          state,
          orderId,
          lines,
          totalMinor,
          currency,
          expiresAt,
          reason,
          offerId,
          available);
    }
  }

  private static final String COLUMNS =
      """
      reservation_id, customer_id, state, order_id, lines, total_minor, currency, fingerprint,
      reason, offer_id, available, expires_at
      """;

  private final Database database;
  private final Outbox outbox;
  private final Changes changes;
  private final InstantSource clock;
  private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);

  /**
   * Over its own database.
   *
   * @param outbox of the same database; requests that nobody waits for go on from there
   * @param changes is told of every reservation that was written
   */
  public ReservationBook(Database database, Outbox outbox, Changes changes, InstantSource clock) {
    this.database = database;
    this.outbox = outbox;
    this.changes = changes;
    this.clock = clock;
  }

  /**
   * Takes requests on without doing them: each is PENDING, and its first fact is in the outbox, in
   * one transaction. A repeat changes nothing.
   *
   * @return the rows in the same order; one that was there before as it is
   * @throws Overloaded if too many of those before have not been done
   */
  List<Row> accept(List<ReservationRequested> requests) {
    outbox.requireRoom();
    var first = new LinkedHashMap<UUID, ReservationRequested>();
    var rows = new LinkedHashMap<UUID, Row>();
    for (var request : requests) {
      first.putIfAbsent(request.reservationId(), request);
      rows.putIfAbsent(request.reservationId(), pending(request));
    }
    var handOver =
        database.inTransaction(
            connection -> {
              first.keySet().retainAll(Set.copyOf(write(connection, rows.values())));
              return outbox.appendFirst(
                  connection, first.values().stream().map(this::entry).toList());
            });
    handOver.run();
    var others = new HashSet<>(rows.keySet());
    others.removeAll(first.keySet());
    if (!others.isEmpty()) {
      rows.putAll(find(others));
    }
    return requests.stream().map(request -> rows.get(request.reservationId())).toList();
  }

  private Outbox.Entry entry(ReservationRequested request) {
    var now = clock.instant();
    return new Outbox.Entry(envelopes.seal(request, request.key(), now, null), now);
  }

  private static Row pending(ReservationRequested request) {
    return new Row(
        request.reservationId(),
        request.customerId(),
        ReservationState.PENDING,
        null,
        request.lines(),
        request.lines().stream().mapToLong(Line::totalMinor).sum(),
        request.currency(),
        request.fingerprint(),
        null,
        null,
        null,
        null);
  }

  /** Writes what each fact says about its reservation, all in one statement. */
  @Override
  public List<Fact> apply(List<Fact> facts) {
    var answers = new Fact[facts.size()];
    int from = 0;
    while (from < facts.size()) {
      from = applyDistinct(facts, from, answers);
    }
    return List.of(answers);
  }

  /** One statement cannot touch a row twice, so it takes facts up to the first repeated id. */
  private int applyDistinct(List<Fact> facts, int from, Fact[] answers) {
    var rows = new LinkedHashMap<UUID, Row>();
    int to = from;
    while (to < facts.size()) {
      var row = row(facts.get(to));
      if (row.nobodyAsksAgain()) {
        answers[to] = row.settled();
      } else if (rows.putIfAbsent(row.reservationId(), row) != null) {
        break;
      }
      to++;
    }
    if (!rows.isEmpty()) {
      settle(facts.subList(from, to), rows, answers, from);
    }
    return to;
  }

  private void settle(List<Fact> facts, Map<UUID, Row> rows, Fact[] answers, int from) {
    var written = database.with(connection -> write(connection, rows.values()));
    changes.changed(rows.keySet());
    var others = new HashSet<>(rows.keySet());
    others.removeAll(written);
    var known = others.isEmpty() ? Map.<UUID, Row>of() : find(others);
    for (int i = 0; i < facts.size(); i++) {
      if (answers[from + i] == null) {
        var id = facts.get(i).key();
        // A row that was there before is told as it is; only a new one is what the fact says.
        answers[from + i] = (known.containsKey(id) ? known.get(id) : rows.get(id)).settled();
      }
    }
  }

  private static Row row(Fact fact) {
    return switch (fact) {
      case OrderPlaced f ->
          new Row(
              f.reservationId(),
              f.customerId(),
              ReservationState.HELD,
              f.orderId(),
              f.lines(),
              f.totalMinor(),
              f.currency(),
              f.fingerprint(),
              null,
              null,
              null,
              f.expiresAt());
      case StockRefused f ->
          new Row(
              f.reservationId(),
              f.customerId(),
              ReservationState.REFUSED,
              null,
              f.lines(),
              f.lines().stream().mapToLong(Line::totalMinor).sum(),
              f.currency(),
              f.fingerprint(),
              f.reason(),
              f.offerId(),
              f.available(),
              null);
      case OrderPaid f ->
          bare(f.reservationId(), f.customerId(), ReservationState.CONFIRMED, f.orderId());
      case OrderCancelled f ->
          bare(f.reservationId(), f.customerId(), f.reservationState(), f.orderId());
      case StockReturned f ->
          bare(f.reservationId(), f.customerId(), ReservationState.RELEASED, f.orderId());
      default -> throw new IllegalArgumentException("reservations does not take " + fact);
    };
  }

  /** For a fact that only moves the state on; the lines are those of the row that is there. */
  private static Row bare(UUID id, UUID customerId, ReservationState state, UUID orderId) {
    return new Row(id, customerId, state, orderId, List.of(), 0, "", "", null, null, null, null);
  }

  /**
   * Inserts the rows, or moves those that exist forward. The WHERE is the guard: a state is only
   * left for one of a higher rank.
   *
   * @return the ids of the rows that are new
   */
  private List<UUID> write(Connection connection, Collection<Row> rows) throws SQLException {
    try (var statement =
        connection.prepareStatement(
            """
            INSERT INTO reservation AS r
              (reservation_id, customer_id, state, order_id, lines, total_minor, currency,
               fingerprint, reason, offer_id, available, expires_at, changed_at)
            SELECT unnest(?::uuid[]), unnest(?::uuid[]), unnest(?::text[]), unnest(?::uuid[]),
                   unnest(?::text[])::json, unnest(?::int8[]), unnest(?::text[]),
                   unnest(?::text[]), unnest(?::text[]), unnest(?::uuid[]),
                   unnest(?::int4[]), unnest(?::timestamptz[]), n.at
            FROM (SELECT ?::timestamptz) AS n (at)
            ON CONFLICT (reservation_id) DO UPDATE
              SET state = excluded.state,
                  order_id = coalesce(r.order_id, excluded.order_id),
                  changed_at = excluded.changed_at,
                  lines = CASE WHEN r.state = 'PENDING' AND excluded.currency <> ''
                               THEN excluded.lines ELSE r.lines END,
                  total_minor = CASE WHEN r.state = 'PENDING' AND excluded.currency <> ''
                                     THEN excluded.total_minor ELSE r.total_minor END,
                  currency = CASE WHEN r.state = 'PENDING' AND excluded.currency <> ''
                                  THEN excluded.currency ELSE r.currency END,
                  expires_at = coalesce(excluded.expires_at, r.expires_at),
                  reason = coalesce(r.reason, excluded.reason),
                  offer_id = coalesce(r.offer_id, excluded.offer_id),
                  available = coalesce(r.available, excluded.available)
              WHERE array_position('{PENDING,HELD,CONFIRMED}'::text[], r.state)
                  < coalesce(array_position('{PENDING,HELD,CONFIRMED}'::text[], excluded.state), 4)
            RETURNING reservation_id, (xmax = 0) AS is_new
            """)) {
      bind(statement, rows);
      var created = new ArrayList<UUID>(rows.size());
      try (var result = statement.executeQuery()) {
        while (result.next()) {
          if (result.getBoolean(2)) {
            created.add(result.getObject(1, UUID.class));
          }
        }
      }
      return created;
    }
  }

  private void bind(PreparedStatement statement, Collection<Row> rows) throws SQLException {
    new Columns<>(statement, 1, rows)
        .uuids(Row::reservationId)
        .uuids(Row::customerId)
        .texts(row -> row.state().name())
        .uuids(Row::orderId)
        .texts(row -> Json.text(row.lines()))
        .longs(Row::totalMinor)
        .texts(Row::currency)
        .texts(Row::fingerprint)
        .texts(row -> row.reason() == null ? null : row.reason().name())
        .uuids(Row::offerId)
        .integers(Row::available)
        .times(Row::expiresAt)
        .time(clock.instant());
  }

  /** The rows with these ids, in one statement. */
  Map<UUID, Row> find(Collection<UUID> ids) {
    return database.with(connection -> find(connection, ids));
  }

  /** The same for somebody who only wants to know. */
  Map<UUID, Row> look(Collection<UUID> ids) {
    return database.read(connection -> find(connection, ids));
  }

  private static Map<UUID, Row> find(Connection connection, Collection<UUID> ids)
      throws SQLException {
    try (var statement =
        connection.prepareStatement(
            "SELECT " + COLUMNS + " FROM reservation WHERE reservation_id = ANY (?)")) {
      statement.setArray(1, connection.createArrayOf("uuid", ids.toArray()));
      var found = new HashMap<UUID, Row>();
      try (var rows = statement.executeQuery()) {
        while (rows.next()) {
          var row = read(rows);
          found.put(row.reservationId(), row);
        }
      }
      return found;
    }
  }

  private static Row read(ResultSet rows) throws SQLException {
    var reason = rows.getString(9);
    var expiresAt = rows.getTimestamp(12);
    return new Row(
        rows.getObject(1, UUID.class),
        rows.getObject(2, UUID.class),
        ReservationState.valueOf(rows.getString(3)),
        rows.getObject(4, UUID.class),
        lines(rows.getString(5)),
        rows.getLong(6),
        rows.getString(7),
        rows.getString(8),
        reason == null ? null : Refusal.valueOf(reason),
        rows.getObject(10, UUID.class),
        rows.getObject(11, Integer.class),
        expiresAt == null ? null : expiresAt.toInstant());
  }

  private static List<Line> lines(String json) {
    try {
      return Json.tolerant().readValue(json, LINES);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public Set<UUID> unsettled(Collection<UUID> reservationIds) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  SELECT id FROM unnest(?::uuid[]) AS asked (id)
                  WHERE NOT EXISTS (SELECT FROM reservation
                                    WHERE reservation_id = id AND state <> 'PENDING')
                  """)) {
            statement.setArray(1, connection.createArrayOf("uuid", reservationIds.toArray()));
            var unsettled = new HashSet<UUID>();
            try (var rows = statement.executeQuery()) {
              while (rows.next()) {
                unsettled.add(rows.getObject(1, UUID.class));
              }
            }
            return unsettled;
          }
        });
  }

  @Override
  public List<ReservationRequested> pending(
      Instant from, Instant to, Optional<ReservationRequested> after, int max) {
    return database.with(
        connection -> {
          // The index is one of ranges of time: it must not keep PENDING rows from becoming HELD
          // in place, so it cannot know their state.
          try (var statement =
              connection.prepareStatement(
                  "SELECT "
                      + COLUMNS
                      + """
                      , changed_at FROM reservation
                      WHERE state = 'PENDING' AND changed_at >= ? AND changed_at < ?
                        AND (changed_at, reservation_id) > (?, ?)
                      ORDER BY changed_at, reservation_id LIMIT ?
                      """)) {
            statement.setObject(1, from.atOffset(ZoneOffset.UTC));
            statement.setObject(2, to.atOffset(ZoneOffset.UTC));
            var at = after.map(ReservationRequested::requestedAt).orElse(Instant.EPOCH);
            statement.setObject(3, at.atOffset(ZoneOffset.UTC));
            statement.setObject(
                4, after.map(ReservationRequested::reservationId).orElse(BEFORE_ALL));
            statement.setInt(5, max);
            var page = new ArrayList<ReservationRequested>();
            try (var rows = statement.executeQuery()) {
              while (rows.next()) {
                page.add(read(rows).requested(rows.getTimestamp(13).toInstant()));
              }
            }
            return page;
          }
        });
  }

  @Override
  public List<AuditRow.Reservation> reservations(Optional<UUID> after, int max) {
    return database.with(
        connection -> {
          try (var statement =
              connection.prepareStatement(
                  """
                  SELECT reservation_id, customer_id, state, order_id, changed_at FROM reservation
                  WHERE reservation_id > ? ORDER BY reservation_id LIMIT ?
                  """)) {
            statement.setObject(1, after.orElse(BEFORE_ALL));
            statement.setInt(2, max);
            var page = new ArrayList<AuditRow.Reservation>();
            try (var rows = statement.executeQuery()) {
              while (rows.next()) {
                page.add(
                    new AuditRow.Reservation(
                        rows.getObject(1, UUID.class),
                        rows.getObject(2, UUID.class),
                        ReservationState.valueOf(rows.getString(3)),
                        rows.getObject(4, UUID.class),
                        rows.getTimestamp(5).toInstant()));
              }
            }
            return page;
          }
        });
  }
}
