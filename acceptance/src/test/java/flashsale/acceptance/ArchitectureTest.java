package flashsale.acceptance;

import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideOutsideOfPackages;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The edges between the modules, as ARCHITECTURE.md draws them. */
class ArchitectureTest {
  private static final List<String> CAPABILITIES =
      List.of(
          "users",
          "catalog",
          "inventory",
          "reservations",
          "orders",
          "payments",
          "checkout",
          "audit");

  private static final JavaClasses FLASHSALE =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("flashsale");

  private static final JavaClasses ALL_WITH_TESTS =
      new ClassFileImporter().importPackages("flashsale");

  @Test
  void everyModuleIsLookedAt() {
    for (var module :
        Stream.concat(CAPABILITIES.stream(), Stream.of("contracts", "platform", "lab", "server"))
            .toList()) {
      assertThat(FLASHSALE)
          .as(module)
          .anyMatch(c -> c.getPackageName().startsWith("flashsale." + module));
    }
  }

  @Test
  void aCapabilityKnowsContractsAndPlatformAndNoOtherCapability() {
    for (var capability : CAPABILITIES) {
      noClasses()
          .that()
          .resideInAPackage(inside(capability))
          .should()
          .dependOnClassesThat(
              resideInAPackage("flashsale..")
                  .and(
                      resideOutsideOfPackages(
                          inside(capability), inside("contracts"), inside("platform"))))
          .check(FLASHSALE);
    }
  }

  @Test
  void contractsDependOnTheJdkOnly() {
    classes()
        .that()
        .resideInAPackage(inside("contracts"))
        .should()
        .onlyDependOnClassesThat()
        .resideInAnyPackage("java..", inside("contracts"))
        .check(FLASHSALE);
  }

  @Test
  void platformKnowsNoShop() {
    noClasses()
        .that()
        .resideInAPackage(inside("platform"))
        .should()
        .dependOnClassesThat(
            resideInAPackage("flashsale..").and(resideOutsideOfPackage(inside("platform"))))
        .check(FLASHSALE);
  }

  @Test
  void theLabKnowsTheShopByHttpOnly() {
    noClasses()
        .that()
        .resideInAPackage(inside("lab"))
        .should()
        .dependOnClassesThat(
            resideInAPackage("flashsale..")
                .and(resideOutsideOfPackages(inside("lab"), inside("platform"))))
        .check(FLASHSALE);
  }

  @Test
  void nobodySeesTheServer() {
    noClasses()
        .that()
        .resideOutsideOfPackages(inside("server"), inside("acceptance"))
        .should()
        .dependOnClassesThat()
        .resideInAPackage(inside("server"))
        .check(FLASHSALE);
  }

  @Test
  void aCapabilityIsOneFlatPackage() {
    for (var capability : CAPABILITIES) {
      noClasses().should().resideInAPackage("flashsale." + capability + ".*..").check(FLASHSALE);
    }
  }

  /** As a word of its own anywhere in the name; Database is another word. */
  @Test
  void noNameSaysNothing() {
    var emptyWords = Pattern.compile("(Impl|Manager|Helper|Utils?|Base|Common|Data|Info)(?![a-z])");
    assertThat(emptyWords.matcher("DataDirectory").find()).isTrue();
    assertThat(emptyWords.matcher("DatabaseFailure").find()).isFalse();
    assertThat(ALL_WITH_TESTS)
        .extracting(JavaClass::getSimpleName)
        .noneMatch(name -> emptyWords.matcher(name).find());
  }

  private static String inside(String module) {
    return "flashsale." + module + "..";
  }
}
