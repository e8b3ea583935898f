package flashsale.lab;

import java.io.OutputStream;
import java.io.PrintStream;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import me.tongfei.progressbar.DelegatingProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/**
 * Shows how far something is: on a terminal a block of bars that is drawn again in its place,
 * elsewhere a line every few seconds. Thread-safe.
 */
public final class Display implements AutoCloseable {
  /** Something that fills up, or runs out. */
  record Gauge(String name, long value, long max) {}

  private static final Duration PLAIN_LINE_EVERY = Duration.ofSeconds(5);
  private static final int WIDTH = 96;
  private static final int NAME_CHARS = 30;
  private static final int NEVER_MILLIS = Integer.MAX_VALUE;

  private final PrintStream out;
  private final boolean live;
  private final long plainEveryNanos;
  private final Map<String, ProgressBar> bars = new LinkedHashMap<>();
  private final Map<String, String> drawn = new LinkedHashMap<>();
  private int height;
  private long lastPlainLineAt;

  /** Draws if {@code live}; else prints a line every {@code plainEvery}. */
  Display(PrintStream out, boolean live, Duration plainEvery) {
    this.out = out;
    this.live = live;
    this.plainEveryNanos = plainEvery.toNanos();
    this.lastPlainLineAt = System.nanoTime() - plainEveryNanos;
  }

  /** On standard output: live if that is a terminal that can move its cursor. */
  @SuppressWarnings("SystemConsoleNull") // Java 25 gives null again where there is no terminal.
  public static Display onConsole() {
    var console = System.console();
    boolean terminal = console != null && console.isTerminal();
    boolean dumb = "dumb".equals(System.getenv("TERM"));
    return new Display(System.out, terminal && !dumb, PLAIN_LINE_EVERY);
  }

  /** Shows nothing. */
  public static Display none() {
    return new Display(new PrintStream(OutputStream.nullOutputStream()), false, PLAIN_LINE_EVERY);
  }

  /** The present state, a line of words and the gauges below it. */
  synchronized void show(String words, List<Gauge> gauges) {
    if (live) {
      draw(words, gauges);
    } else if (System.nanoTime() - lastPlainLineAt >= plainEveryNanos) {
      lastPlainLineAt = System.nanoTime();
      var figures =
          gauges.stream()
              .map(g -> "%s %,d/%,d".formatted(g.name(), g.value(), g.max()))
              .collect(Collectors.joining(", "));
      out.println(words + " · " + figures);
      out.flush();
    }
  }

  /** Leaves what is drawn where it is; what comes next stands below it. */
  synchronized void finish() {
    bars.values().forEach(ProgressBar::close);
    bars.clear();
    drawn.clear();
    height = 0;
  }

  @Override
  public void close() {
    finish();
  }

  private void draw(String words, List<Gauge> gauges) {
    var block = new StringBuilder();
    if (height > 0) {
      block.append("\033[").append(height).append('A');
    }
    block.append("\033[2K").append(words).append('\n');
    for (var gauge : gauges) {
      block.append("\033[2K").append(bar(gauge)).append('\n');
    }
    height = gauges.size() + 1;
    out.print(block);
    out.flush();
  }

  private String bar(Gauge gauge) {
    var bar = bars.computeIfAbsent(gauge.name(), n -> newBar(gauge));
    bar.maxHint(gauge.max());
    bar.stepTo(gauge.value());
    bar.refresh();
    return drawn.getOrDefault(gauge.name(), "");
  }

  /** The library draws the bar; when and where is decided here, so its own clock never ticks. */
  private ProgressBar newBar(Gauge gauge) {
    var name = gauge.name();
    var shown =
        name.length() > NAME_CHARS
            ? name.substring(0, NAME_CHARS - 1) + "…"
            : name + " ".repeat(NAME_CHARS - name.length());
    return new ProgressBarBuilder()
        .setTaskName(shown)
        .setInitialMax(gauge.max())
        .setStyle(ProgressBarStyle.COLORFUL_UNICODE_BAR)
        .setUpdateIntervalMillis(NEVER_MILLIS)
        .hideEta()
        .setConsumer(new DelegatingProgressBarConsumer(text -> drawn.put(name, text), WIDTH))
        .build();
  }
}
