// Runs a bundle of `netadapt export RUN --format tvm` from C++, without Python:
//
//     tvm_bundle BUNDLE INPUT.raw OUTPUT.raw [RUNS]
//
// INPUT.raw holds the float32 numbers of the input as the network takes it; for FastDepth RGB in
// [0, 1], [1, 3, 224, 224]. OUTPUT.raw gets those of the output, metres. It takes TVM's runtime and
// the headers of apache-tvm-ffi. For a network of one input, on a CPU. The Makefile builds it.

#include <tvm/ffi/container/tensor.h>
#include <tvm/ffi/extra/json.h>
#include <tvm/ffi/extra/module.h>
#include <tvm/ffi/function.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

namespace ffi = tvm::ffi;

struct OnHost {  // TVM's kernels read whole vectors
  void AllocData(DLTensor* tensor) {
    const size_t size = (ffi::GetDataSize(*tensor) + 63) / 64 * 64;
    tensor->data = std::aligned_alloc(64, size);
  }
  void FreeData(DLTensor* tensor) { std::free(tensor->data); }
};

std::string contents(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) throw std::runtime_error(file + ": can't be read");
  return {std::istreambuf_iterator<char>(stream), {}};
}

void run(const std::string& bundle, const char* source, const char* target, int runs) {
  auto about = ffi::json::Parse(contents(bundle + "/bundle.json")).cast<ffi::json::Object>();
  setenv("TVM_NUM_THREADS", std::to_string(about["threads"].cast<int>()).c_str(), 0);
  auto arguments = about["arguments"].cast<ffi::json::Array>();
  if (arguments.size() != 1) throw std::runtime_error("the network takes several inputs");
  std::vector<int64_t> shape;
  for (const auto& size : arguments[0].cast<ffi::json::Array>()) shape.push_back(size.cast<int64_t>());

  const DLDevice host{kDLCPU, 0};
  auto input = ffi::Tensor::FromNDAlloc(OnHost(), ffi::ShapeView(shape.data(), shape.size()),
                                        DLDataType{kDLFloat, 32, 1}, host);
  const std::string numbers = contents(source);
  if (numbers.size() != ffi::GetDataSize(input))
    throw std::runtime_error(std::string(source) + ": not as many numbers as the network takes");
  std::copy(numbers.begin(), numbers.end(), static_cast<char*>(input.data_ptr()));

  auto library = ffi::Module::LoadFromFile(bundle + "/network.so");
  auto machine = library->GetFunction("vm_load_executable").value()().cast<ffi::Module>();
  const int pooled = 2;  // how TVM's virtual machine keeps memory
  machine->GetFunction("vm_initialization").value()(static_cast<int>(kDLCPU), 0, pooled);
  auto network = machine->GetFunction("main").value();

  auto output = network(input).cast<ffi::Tensor>();
  const auto begin = std::chrono::steady_clock::now();
  for (int count = 0; count < runs; ++count) network(input);
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  if (runs > 0) std::cout << took.count() / runs << " ms, the mean of " << runs << " runs\n";
  std::ofstream(target, std::ios::binary)
      .write(static_cast<const char*>(output.data_ptr()), ffi::GetDataSize(output));
}

int main(int count, char** words) {
  if (count < 4) {
    std::cerr << "expected BUNDLE INPUT.raw OUTPUT.raw [RUNS]\n";
    return 2;
  }
  try {
    run(words[1], words[2], words[3], count > 4 ? std::atoi(words[4]) : 0);
  } catch (const std::exception& error) {
    std::cerr << error.what() << "\n";
    return 2;
  }
}
