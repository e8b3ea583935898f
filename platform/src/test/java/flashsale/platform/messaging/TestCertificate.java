package flashsale.platform.messaging;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A certificate for 127.0.0.1 that nobody trusts unless told to, made with the JDK's keytool. */
public final class TestCertificate {
  /** Of the {@link #trustStore}. */
  public static final String PASSWORD = "changeit";

  private static final String NAME = "server";

  private final KeyStore store;
  private final Path trustStore;
  private final Path certificate;
  private final Path key;

  private TestCertificate(KeyStore store, Path trustStore, Path folder)
      throws IOException, GeneralSecurityException {
    this.store = store;
    this.trustStore = trustStore;
    this.certificate = folder.resolve("certificate.pem");
    this.key = folder.resolve("key.pem");
    writePem(certificate, "CERTIFICATE", store.getCertificate(NAME).getEncoded());
    var secret = store.getKey(NAME, PASSWORD.toCharArray());
    writePem(key, "PRIVATE KEY", secret.getEncoded());
  }

  /** Makes one. */
  public static TestCertificate in(Path folder) throws IOException {
    var file = folder.resolve("store.p12");
    keytool(
        "-genkeypair -keyalg EC -groupname secp256r1 -validity 2 -dname CN=server"
            + (" -ext SAN=ip:127.0.0.1 -storetype PKCS12 -storepass " + PASSWORD)
            + (" -alias " + NAME + " -keystore " + file));
    try {
      return new TestCertificate(
          KeyStore.getInstance(file.toFile(), PASSWORD.toCharArray()), file, folder);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("keytool made what Java cannot read", e);
    }
  }

  private static void keytool(String arguments) throws IOException {
    var command = new ArrayList<String>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "keytool").toString());
    command.addAll(List.of(arguments.split(" ")));
    var process = new ProcessBuilder(command).inheritIO().start();
    try {
      if (!process.waitFor(1, TimeUnit.MINUTES) || process.exitValue() != 0) {
        throw new IOException("keytool failed");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static void writePem(Path file, String type, byte[] content) throws IOException {
    var lines = Base64.getMimeEncoder(64, new byte[] {'\n'}).encodeToString(content);
    Files.writeString(
        file, "-----BEGIN " + type + "-----\n" + lines + "\n-----END " + type + "-----\n");
  }

  /** The certificate and its key, which a server's configuration names. */
  public List<Path> files() {
    return List.of(certificate, key);
  }

  /** The broker's lines of configuration. */
  String configuration(String address, int port) {
    return """
        listeners.ssl.1 = %s:%d
        ssl_options.cacertfile = %s
        ssl_options.certfile = %s
        ssl_options.keyfile = %s
        """
        .formatted(address, port, certificate, certificate, key);
  }

  /** For {@code javax.net.ssl.trustStore} of a client that trusts this certificate. */
  public Path trustStore() {
    return trustStore;
  }

  /** For a client that trusts this certificate. */
  SSLContext trusting() {
    try {
      var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      var trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, null);
      trusted.setCertificateEntry(NAME, store.getCertificate(NAME));
      trust.init(trusted);
      var context = SSLContext.getInstance("TLS");
      context.init(null, trust.getTrustManagers(), null);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new IllegalStateException(e);
    }
  }
}
