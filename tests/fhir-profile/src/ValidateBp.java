import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationOptions;
import com.google.gson.JsonParseException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.SnapshotGeneratingValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/**
 * Validates Observations, one per line of standard input, against FHIR R4 and its blood pressure profile, which need not be
 * named in them. No terminology server is asked: LOINC codes are checked as far as the profile lists them.
 *
 * <p>Any message of the validator makes an Observation invalid, be it an error or a warning, but {@link #LET_PASS}.
 */
public final class ValidateBp {
  private static final String PROFILE = "http://hl7.org/fhir/StructureDefinition/bp";

  /** Recommendations, not rules; both are about what a simulated Observation does not have: a text for people, a nurse. */
  private static final Set<String> LET_PASS =
      Set.of("http://hl7.org/fhir/StructureDefinition/DomainResource#dom-6", "All_observations_should_have_a_performer");

  private static final int INVALID = 1;
  private static final int PROVES_NOTHING = 2;

  private final FhirValidator validator;
  private final ValidationOptions options = new ValidationOptions().addProfile(PROFILE);

  private ValidateBp() {
    FhirContext context = FhirContext.forR4();
    ValidationSupportChain knowledge =
        new ValidationSupportChain(
            new DefaultProfileValidationSupport(context),
            new InMemoryTerminologyServerValidationSupport(context),
            new CommonCodeSystemsTerminologyService(context),
            new SnapshotGeneratingValidationSupport(context));
    FhirInstanceValidator instances = new FhirInstanceValidator(knowledge);
    // Of a reference that cannot be followed, at least the type is looked at.
    instances.setAssumeValidRestReferences(true);
    validator = context.newValidator();
    validator.registerValidatorModule(instances);
  }

  /** usage: ValidateBp SOUND BROKEN, two files of Observations that this validator must accept and refuse. */
  public static void main(String[] arguments) throws IOException {
    ValidateBp validate = new ValidateBp();
    if (!validate.provesItself(Path.of(arguments[0]), Path.of(arguments[1]))) {
      System.exit(PROVES_NOTHING);
    }
    if (!validate.acceptsAll(new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8)))) {
      System.exit(INVALID);
    }
  }

  private boolean provesItself(Path sound, Path broken) throws IOException {
    boolean proven = true;
    for (String line : Files.readAllLines(sound)) {
      for (Objection objection : objections(line)) {
        System.err.printf("refused, but sound: %s%n  %s%n", line, objection.text());
        proven = false;
      }
    }
    List<String> lines = Files.readAllLines(broken);
    for (String line : lines) {
      if (objections(line).stream().noneMatch(Objection::isError)) {
        System.err.printf("accepted, but broken: %s%n", line);
        proven = false;
      }
    }
    if (proven) {
      System.out.printf("the validator refuses %d Observations that are each broken in one way%n", lines.size());
    }
    return proven;
  }

  private boolean acceptsAll(BufferedReader input) throws IOException {
    int number = 0;
    int invalid = 0;
    for (String line = input.readLine(); line != null; line = input.readLine()) {
      number++;
      List<Objection> objections = objections(line);
      for (Objection objection : objections) {
        System.err.printf("line %d: %s%n", number, objection.text());
      }
      if (!objections.isEmpty()) {
        System.err.printf("line %d: %s%n", number, line);
        invalid++;
      }
    }
    System.out.printf("%d Observations, %d invalid%n", number, invalid);
    if (number == 0) {
      System.err.println("nothing to validate on standard input");
    }
    return number > 0 && invalid == 0;
  }

  /** What is wrong with an Observation. */
  private record Objection(boolean isError, String text) {}

  private List<Objection> objections(String line) {
    if (!line.startsWith("{")) {
      return List.of(new Objection(true, "not a JSON object"));
    }
    try {
      return validator.validateWithResult(line, options).getMessages().stream()
          .filter(message -> isError(message) || !LET_PASS.contains(message.getMessageId()))
          .map(message -> new Objection(isError(message), text(message)))
          .toList();
    } catch (JsonParseException invalid) {
      return List.of(new Objection(true, "not JSON: " + invalid.getMessage()));
    }
  }

  private static boolean isError(SingleValidationMessage message) {
    return message.getSeverity() == ResultSeverityEnum.ERROR || message.getSeverity() == ResultSeverityEnum.FATAL;
  }

  private static String text(SingleValidationMessage message) {
    return message.getSeverity() + " at " + message.getLocationString() + ": " + message.getMessage();
  }
}
