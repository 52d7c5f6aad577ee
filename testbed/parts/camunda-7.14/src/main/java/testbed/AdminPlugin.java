package testbed;

import org.camunda.bpm.engine.IdentityService;
import org.camunda.bpm.engine.ProcessEngine;
import org.camunda.bpm.engine.identity.User;
import org.camunda.bpm.engine.impl.cfg.AbstractProcessEnginePlugin;

/**
 * Creates the first user, which a fresh engine behind basic authentication cannot be asked to do over REST.
 * The engine's AdministratorAuthorizationPlugin grants that user everything.
 */
public class AdminPlugin extends AbstractProcessEnginePlugin {

  private String name;
  private String password;

  public void setName(String name) {
    this.name = name;
  }

  public void setPassword(String password) {
    this.password = password;
  }

  @Override
  public void postProcessEngineBuild(ProcessEngine engine) {
    IdentityService identity = engine.getIdentityService();
    if (identity.createUserQuery().userId(name).count() > 0) {
      return;
    }
    User user = identity.newUser(name);
    user.setPassword(password);
    identity.saveUser(user);
  }
}
