#include "softpool/xla/forms.h"

#include <map>

namespace softpool {
namespace {

// Never destroyed, because programs may be compiled while a process ends.
std::map<std::string, XlaForm>& Forms() {
  static auto* const forms = new std::map<std::string, XlaForm>;
  return *forms;
}

}  // namespace

bool RegisterXlaForm(const std::string& op, XlaForm form) {
  Forms()[op] = form;
  return true;
}

XlaForm FindXlaForm(const std::string& op) {
  const auto found = Forms().find(op);
  return found == Forms().end() ? nullptr : found->second;
}

}  // namespace softpool
